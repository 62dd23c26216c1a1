import { compare, type Outcome } from "./compare";

const send = { n: 0, kind: "order", id: "a", sha256: "aa" } as const;
const poison = { n: 1, kind: "poison", id: "b", sha256: "bb" } as const;
const letter = { id: "orders:1:0:1", partition: 0, offset: 1, sha256: "bb", envelope: "eb" };

/** An order at 0:0 and poison at 0:1, both as they should be. */
const good: Outcome = {
  sends: [send, poison],
  acknowledgements: [
    { n: 0, partition: 0, offset: 0, at: 0 },
    { n: 1, partition: 0, offset: 1, at: 0 },
  ],
  log: [
    { partition: 0, offset: 0, n: 0, sha256: "aa", envelope: "ea", claim: undefined, replay: undefined },
    { partition: 0, offset: 1, n: 1, sha256: "bb", envelope: "eb", claim: undefined, replay: undefined },
  ],
  letters: [letter],
  life: "orders:1",
  stored: new Map([["a", "aa"]]),
  received: new Map([[0, 2]]),
};
const nothingWrong = { lost: 0, twice: 0, wrongBytes: 0, unfounded: 0, dlqMissing: 0, dlqExtra: 0, redelivered: 0 };

test("a good outcome has nothing to count", () => {
  expect(compare(good)).toEqual({ orders: 1, poison: 1, ...nothingWrong });
});

test.each<[string, Partial<Outcome>, Partial<typeof nothingWrong>]>([
  ["an order that is not stored is lost", { stored: new Map() }, { lost: 1 }],
  ["a record that Kafka has lost is lost", { log: good.log.slice(1), received: new Map([[0, 1]]) }, { lost: 1 }],
  ["a record that nobody has received is lost", { received: new Map([[0, 1]]) }, { lost: 1 }],
  ["a record that was received twice is there twice", { received: new Map([[0, 3]]) }, { twice: 1 }],
  ["other bytes are wrong", { stored: new Map([["a", "ab"]]) }, { wrongBytes: 1 }],
  ["poison without a letter is missing", { letters: [] }, { dlqMissing: 1 }],
  [
    "a letter of other bytes is one too many, and the right one is missing",
    { letters: [{ ...letter, sha256: "ba" }] },
    { dlqMissing: 1, dlqExtra: 1 },
  ],
  [
    "a letter under another epoch is one too many, and the right one is missing",
    { letters: [{ ...letter, id: "orders:9:0:1" }] },
    { dlqMissing: 1, dlqExtra: 1 },
  ],
  [
    "a letter with another key, header or timestamp is one too many, and the right one is missing",
    { letters: [{ ...letter, envelope: "ee" }] },
    { dlqMissing: 1, dlqExtra: 1 },
  ],
  [
    "poison that is stored as an order is unfounded, also with its letter",
    { stored: new Map([...good.stored, ["b", "bb"]]) },
    { unfounded: 1 },
  ],
  [
    "a letter of an order is one too many",
    { letters: [letter, { ...letter, id: "orders:1:0:0", offset: 0, sha256: "aa" }] },
    { dlqExtra: 1 },
  ],
  ["a letter of no record is one too many", { letters: [letter, { ...letter, offset: 7 }] }, { dlqExtra: 1 }],
  ["a second letter under another id is one too many", { letters: [letter, { ...letter, id: "x" }] }, { dlqExtra: 1 }],
  ["a second copy of other bytes is one too many", { letters: [letter, { ...letter, sha256: "ba" }] }, { dlqExtra: 1 }],
  ["a second copy with the same id is allowed", { letters: [letter, letter] }, { redelivered: 1 }],
])("%s", (_, change, counts) => {
  expect(compare({ ...good, ...change })).toMatchObject({ ...nothingWrong, ...counts });
});

test("a record that was sent twice because its acknowledgement was lost is expected twice, each with its letter", () => {
  const log = [...good.log, ...good.log.slice(1).map((record) => ({ ...record, partition: 1, offset: 0 }))];
  const received = new Map([
    [0, 2],
    [1, 1],
  ]);
  expect(compare({ ...good, log, received })).toMatchObject({ dlqMissing: 1 });
  const letters = [letter, { ...letter, id: "orders:1:1:0", partition: 1, offset: 0 }];
  expect(compare({ ...good, log, received, letters })).toMatchObject(nothingWrong);
});

test("a record that was brought back has its letter under the name of its first failure, and no other", () => {
  const back = good.log.slice(1).map((record) => ({ ...record, offset: 2, claim: letter.id, replay: "1" }));
  const after = { ...good, log: [...good.log, ...back], received: new Map([[0, 3]]) };
  expect(compare({ ...after, letters: [letter, { ...letter, offset: 2 }] })).toMatchObject(nothingWrong);
  const renamed = { ...letter, id: "orders:1:0:2", offset: 2 };
  expect(compare({ ...after, letters: [letter, renamed] })).toMatchObject({ dlqMissing: 1, dlqExtra: 1 });
});

test("a dead letter that was brought back twice in one go is there twice, though each has its letter", () => {
  const back = [2, 3].map((offset) => ({ ...letter, offset, n: 1, claim: letter.id, replay: "1" }));
  const twice = { ...good, log: [...good.log, ...back], received: new Map([[0, 4]]) };
  const letters = [letter, ...back];
  expect(compare({ ...twice, letters })).toMatchObject({ ...nothingWrong, twice: 1 });
  const [once, again] = back as [(typeof back)[0], (typeof back)[0]];
  const log = [...good.log, once, { ...again, replay: "2" }];
  expect(compare({ ...twice, log, letters })).toMatchObject(nothingWrong);
});

test("a dead letter that was brought back with other bytes than were published is wrong", () => {
  const back = { ...letter, offset: 2, n: 1, claim: letter.id, replay: "1", sha256: "bx" };
  const changed = { ...good, log: [...good.log, back], received: new Map([[0, 3]]), letters: [letter, back] };
  expect(compare(changed)).toMatchObject({ ...nothingWrong, wrongBytes: 1 });
});
