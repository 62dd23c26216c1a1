import { openHome } from "./home";
import { welcome } from "./welcome";

const home = openHome();
const services = {
  brokers: "127.0.0.1:9092",
  database: { owner: "postgresql://o@127.0.0.1:5432/orders", ingestor: "", reader: "" },
  redis: undefined,
};

test("the sample's addresses are named where the reader has it, and only there", () => {
  const withSample = welcome(home, services, "http://127.0.0.1:8080", "b563test");
  for (const path of ["/?order=b563test", "/orders/b563test"]) expect(withSample).toContain(path);
  expect(welcome(home, services, "http://127.0.0.1:8080", undefined)).not.toMatch(/8080\/\S/);
});
