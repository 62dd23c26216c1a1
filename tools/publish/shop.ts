import { createHash } from "node:crypto";
import type { Faker } from "@faker-js/faker";
import { faker as english } from "@faker-js/faker/locale/en";
import { faker as russian } from "@faker-js/faker/locale/ru";
import { SeededRandom } from "./seeded-random";

/** Something the shop sells. Prices are whole units of the order's currency. */
export interface Product {
  readonly nmId: number;
  readonly name: string;
  readonly brand: string;
  readonly price: number;
  readonly size: string;
}

/** One language's half of the shop: its words, its money and its catalogue. */
export interface Shop {
  readonly locale: "en" | "ru";
  readonly currency: string;
  readonly banks: readonly [string, ...string[]];
  readonly carriers: readonly [string, ...string[]];
  readonly deliveryCosts: readonly [number, ...number[]];
  readonly faker: Faker;
  readonly catalogue: readonly [Product, ...Product[]];
}

/** The one source of randomness of both shops. */
export const random = new SeededRandom();

/** Shops repeat their products and brands, and making a brand's name costs more than the rest of an item. */
const CATALOGUE_SIZE = 400;

const SIZES = ["0", "0", "S", "M", "L", "XL", "36", "39", "42", "44"] as const;

/** Russian and English customers, half and half. The catalogue is the same whatever the seed of an order. */
export const shops: readonly [Shop, Shop] = [
  openShop(english, {
    locale: "en",
    currency: "USD",
    banks: ["alpha", "chase", "barclays", "revolut"],
    carriers: ["meest", "dhl", "ups", "fedex"],
    deliveryCosts: [0, 5, 9, 15, 25],
    prices: [3, 400],
  }),
  openShop(russian, {
    locale: "ru",
    currency: "RUB",
    banks: ["alpha", "sber", "tbank", "vtb"],
    carriers: ["meest", "cdek", "boxberry", "pochta"],
    deliveryCosts: [0, 199, 350, 500, 1500],
    prices: [150, 25_000],
  }),
];

function openShop(
  words: Faker,
  shop: Omit<Shop, "faker" | "catalogue"> & { readonly prices: readonly [number, number] },
): Shop {
  // The class itself is exported only beside all seventy languages, which take a third of a second to load.
  const FakerClass = words.constructor as typeof Faker;
  // Sequences begin with `restart` only.
  const randomizer = { next: () => random.next(), seed: () => {} };
  const faker = new FakerClass({ locale: words.rawDefinitions, randomizer });
  random.restart(createHash("sha256").update(`catalogue ${shop.locale}`).digest());
  const product = (): Product => ({
    nmId: random.integer(1_000_000, 99_999_999),
    name: faker.commerce.product(),
    brand: faker.company.name(),
    price: random.integer(...shop.prices),
    size: random.pick(SIZES),
  });
  return { ...shop, faker, catalogue: [product(), ...Array.from({ length: CATALOGUE_SIZE - 1 }, product)] };
}
