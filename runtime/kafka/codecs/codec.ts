import { MalformedError } from "../wire";

/** How a record batch's records are packed. Both directions are synchronous once `ready` has been awaited. */
export interface Codec {
  readonly name: string;
  readonly ready?: () => Promise<unknown>;
  readonly pack: (plain: Buffer) => Buffer;
  /**
   * @param limit bytes that the result may have at most
   * @throws MalformedError when it would have more, without taking the memory for it
   * @throws Error of the codec's library when the bytes are something else
   */
  readonly expand: (packed: Buffer, limit: number) => Buffer;
}

export function tooLarge(limit: number): MalformedError {
  return new MalformedError(`expands to more than ${limit / 1_048_576} MiB`);
}
