/**
 * How long a film is, in seconds: from the movie header (`mvhd`) that every mp4 has.
 *
 * @throws Error if there is none
 */
export function filmLength(mp4: Buffer): number {
  const at = mp4.indexOf("mvhd", 0, "latin1") + 4;
  if (at < 4) throw new Error("this is no mp4: it has no movie header");
  // Version 1 has dates of eight bytes, and a duration of eight.
  const isLong = mp4[at] === 1;
  const times = at + (isLong ? 20 : 12);
  const duration = isLong ? Number(mp4.readBigUInt64BE(times + 4)) : mp4.readUInt32BE(times + 4);
  return duration / mp4.readUInt32BE(times);
}
