/**
 * Random numbers that can be begun anew at no cost: sfc32, whose state is 16 bytes. Faker's own Mersenne Twister takes
 * 60 µs to be seeded, more than an order takes to be made, so orders could not each have a beginning of their own.
 */
export class SeededRandom {
  #a = 0;
  #b = 0;
  #c = 0;
  #counter = 1;

  /** Begins the sequence that belongs to these bytes, at least 12 of them. */
  restart(state: Buffer): void {
    this.#a = state.readInt32LE(0);
    this.#b = state.readInt32LE(4);
    this.#c = state.readInt32LE(8);
    this.#counter = 1;
    // The first numbers still resemble the state; its author discards a dozen.
    for (let round = 0; round < 12; round++) this.next();
  }

  /** A number from 0 up to but not including 1. */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 4_294_967_296;
  }

  /** A whole number from `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  pick<const T>(values: readonly [T, ...T[]]): T {
    return values[this.integer(0, values.length - 1)] ?? values[0];
  }

  /** So many characters of the alphabet. */
  text(length: number, alphabet: string): string {
    let text = "";
    for (let at = 0; at < length; at++) text += alphabet.charAt(this.integer(0, alphabet.length - 1));
    return text;
  }
}
