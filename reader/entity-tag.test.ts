import { matchesEntityTag } from "./entity-tag";

test.each(['"ab"', 'W/"ab"', '"x", "ab"', '"x",W/"ab" , "y"', "*", " * "])(
  "If-None-Match: %s names the tag",
  (header) => {
    expect(matchesEntityTag(header, '"ab"')).toBe(true);
  },
);

test.each([undefined, "", '"a"', '"abc"', "ab", 'w/"ab"', '"AB"', '"x", "y"', '"*"'])(
  "If-None-Match: %s does not name the tag",
  (header) => {
    expect(matchesEntityTag(header, '"ab"')).toBe(false);
  },
);
