import { randomBytes } from "node:crypto";
import { type Home, readObject, writeWhole } from "./home";

/** The passwords of the database's users, made once for a home and kept in a file that only its owner may read. */
export type Passwords = Readonly<Record<"postgres" | "orders_owner" | "orders_ingestor" | "orders_reader", string>>;

export function keepPasswords(home: Home): Passwords {
  const file = home.path("passwords.json");
  const known = readObject(file);
  const password = (user: string): string => {
    const kept = known[user];
    return typeof kept === "string" ? kept : randomBytes(18).toString("base64url");
  };
  const passwords = {
    postgres: password("postgres"),
    orders_owner: password("orders_owner"),
    orders_ingestor: password("orders_ingestor"),
    orders_reader: password("orders_reader"),
  };
  writeWhole(file, `${JSON.stringify(passwords, null, 2)}\n`);
  return passwords;
}
