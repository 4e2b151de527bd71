/** The longest line that is read, in bytes. */
export const MAX_LINE_BYTES: number = 1 << 20;

const NEWLINE = 10;

/**
 * Cuts bytes into lines, without their ends. `onLine` gets each one that is not empty, and must be done with it when it
 * returns; of one that is too long nothing is kept, and it gets `undefined`.
 */
export async function eachLine(
  chunks: AsyncIterable<Buffer>,
  onLine: (line: Buffer | undefined) => void,
  onChunk: (bytes: number) => void,
): Promise<void> {
  let begun: Buffer[] = [];
  let length = 0;
  const end = (piece: Buffer): void => {
    const whole = length + piece.length;
    if (whole > MAX_LINE_BYTES) onLine(undefined);
    else if (whole > 0) onLine(begun.length === 0 ? piece : Buffer.concat([...begun, piece]));
    begun = [];
    length = 0;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let to = chunk.indexOf(NEWLINE); to !== -1; to = chunk.indexOf(NEWLINE, from)) {
      end(chunk.subarray(from, to));
      from = to + 1;
    }
    length += chunk.length - from;
    if (length > MAX_LINE_BYTES) begun = [];
    else if (from < chunk.length) begun.push(chunk.subarray(from));
    onChunk(chunk.length);
  }
  end(Buffer.alloc(0));
}
