import { hash } from "node:crypto";
import type { Faker } from "@faker-js/faker";
import { faker as english } from "@faker-js/faker/locale/en";
import { faker as russian } from "@faker-js/faker/locale/ru";
import { SeededRandom } from "./seeded-random";

/** Something the shop sells. The price is in whole units of the shop's currency. */
export interface Product {
  readonly nmId: number;
  readonly name: string;
  readonly brand: string;
  readonly price: number;
  readonly size: string;
}

/** Someone who buys, again and again. */
export interface Customer {
  readonly id: string;
  /** As an order has it. */
  readonly delivery: Readonly<Record<"name" | "phone" | "zip" | "city" | "address" | "region" | "email", string>>;
}

/** One language's half of the shop. It is the same for every seed: only what is ordered depends on it. */
export interface Shop {
  readonly locale: "en" | "ru";
  readonly currency: string;
  readonly banks: readonly [string, ...string[]];
  readonly carriers: readonly [string, ...string[]];
  readonly deliveryCosts: readonly [number, ...number[]];
  readonly products: readonly [Product, ...Product[]];
  readonly customers: readonly [Customer, ...Customer[]];
}

/** Enough that a page of orders looks varied; faker takes 40 µs for a customer, so to invent one an order would be slow. */
const SHOP_SIZE = 500;

const SIZES = ["0", "0", "S", "M", "L", "XL", "36", "39", "42", "44"] as const;

/** English and Russian. */
export const shops: readonly [Shop, Shop] = [
  openShop(english, [3, 400], {
    locale: "en",
    currency: "USD",
    banks: ["alpha", "chase", "barclays", "revolut"],
    carriers: ["meest", "dhl", "ups", "fedex"],
    deliveryCosts: [0, 5, 9, 15, 25],
  }),
  openShop(russian, [150, 25_000], {
    locale: "ru",
    currency: "RUB",
    banks: ["alpha", "sber", "tbank", "vtb"],
    carriers: ["meest", "cdek", "boxberry", "pochta"],
    deliveryCosts: [0, 199, 350, 500, 1500],
  }),
];

function openShop(words: Faker, prices: readonly [number, number], shop: Omit<Shop, "products" | "customers">): Shop {
  const random = new SeededRandom();
  random.restart(hash("sha256", `shop ${shop.locale}`, "buffer"));
  // The class itself is exported only beside all seventy languages, which take a third of a second to load.
  const FakerClass = words.constructor as typeof Faker;
  const randomizer = { next: () => random.next(), seed: () => {} };
  const faker = new FakerClass({ locale: words.rawDefinitions, randomizer });
  const product = (): Product => ({
    nmId: random.integer(1_000_000, 99_999_999),
    name: faker.commerce.product(),
    brand: faker.company.name(),
    price: random.integer(...prices),
    size: random.pick(SIZES),
  });
  const customer = (): Customer => ({
    id: `customer${random.integer(1, 99_999)}`,
    delivery: deliveryTo(faker, random),
  });
  return { ...shop, products: many(product), customers: many(customer) };
}

function deliveryTo(faker: Faker, random: SeededRandom): Customer["delivery"] {
  const sex = random.pick(["female", "male"]);
  const firstName = faker.person.firstName(sex);
  const lastName = faker.person.lastName(sex);
  return {
    name: `${firstName} ${lastName}`,
    phone: faker.phone.number({ style: "international" }),
    zip: faker.location.zipCode(),
    city: faker.location.city(),
    address: faker.location.streetAddress(),
    region: faker.location.state(),
    // example.com and its sisters belong to nobody, so no test ever writes to a person.
    email: faker.internet.exampleEmail({ firstName: withoutSigns(firstName), lastName: withoutSigns(lastName) }),
  };
}

/** Faker writes these letters, which have no sound, as "uk" in Latin. */
function withoutSigns(name: string): string {
  return name.replace(/[ьъ]/gi, "");
}

function many<T>(make: () => T): readonly [T, ...T[]] {
  return [make(), ...Array.from({ length: SHOP_SIZE - 1 }, make)];
}
