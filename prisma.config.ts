import { defineConfig } from "prisma/config";

/** For Prisma's own command line: `npx prisma migrate deploy` goes on where `npm run migrate` stopped, and back. */
export default defineConfig({
  schema: "prisma/schema.prisma",
  migrations: { path: "prisma/migrations" },
  datasource: { url: process.env["DATABASE_URL"] ?? "" },
});
