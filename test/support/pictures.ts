// Pictures as people have them, and as attackers make them.
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';

export const red = { r: 220, g: 20, b: 30 };
export const blue = { r: 20, g: 30, b: 220 };

export const plain = (width: number, height: number, background = red) =>
  sharp({ create: { width, height, channels: 3, background }, limitInputPixels: false });

/** Red on the left, blue on the right. */
export const twoHalves = () =>
  plain(40, 20).composite([{ input: { create: { width: 20, height: 20, channels: 3, background: blue } }, left: 20, top: 0 }]);

/** A picture that no encoder makes small, and so is cut in the middle of its pixels. */
export function noise(width: number, height: number) {
  const bytes = Buffer.alloc(width * height * 3);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.imul(i, 2_654_435_761) >>> 13;
  return sharp(bytes, { raw: { width, height, channels: 3 } });
}

/** The colour of a picture's middle pixel at that row, and how large the picture is. */
export async function look(picture: Buffer) {
  const { data, info } = await sharp(picture).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number) => [...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3)];
  const nearer = ([r = 0, , b = 0]: number[]) => (r > b ? 'red' : 'blue');
  const middle = Math.floor(info.width / 2);
  return {
    ...{ width: info.width, height: info.height, ...(await metadataOf(picture)) },
    top: nearer(at(middle, 0)),
    bottom: nearer(at(middle, info.height - 1)),
  };
}

async function metadataOf(picture: Buffer) {
  const { format, pages = 1, space, exif, xmp, icc, iptc, comments, orientation } = await sharp(picture).metadata();
  const kept = { exif, xmp, icc, iptc, comments, orientation };
  return { format, pages, space, kept: Object.entries(kept).flatMap(([name, value]) => (value === undefined ? [] : [name])) };
}

const pngSignature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
const pngEnd = chunk('IEND', Buffer.alloc(0));

export function chunk(type: string, content: Buffer): Buffer {
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  length.writeUInt32BE(content.length);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}

function header(width: number, height: number, depth: number, colour: number, interlaced: boolean): Buffer {
  const content = Buffer.alloc(13);
  content.writeUInt32BE(width, 0);
  content.writeUInt32BE(height, 4);
  content.set([depth, colour, 0, 0, interlaced ? 1 : 0], 8);
  return chunk('IHDR', content);
}

const grey = 0;
const colourAndAlpha = 6;
const zeros = (length: number) => deflateSync(Buffer.alloc(length), { level: 9 });

/** Two and a half milliard pixels in 300 KB: each row is a byte for its filter, and a bit for each pixel. */
export const pngBomb = (side = 50_000): Buffer =>
  Buffer.concat([pngSignature, header(side, side, 1, grey, false), chunk('IDAT', zeros(side * (1 + side / 8))), pngEnd]);

/** What costs the most of all that is let through: 16 bits of each colour, in an order that needs all of it in memory. */
export function dearestPng(side = 4096): Buffer {
  const passes = [
    ...[[0, 0, 8, 8] as const, [4, 0, 8, 8] as const, [0, 4, 4, 8] as const, [2, 0, 4, 4] as const],
    ...[[0, 2, 2, 4] as const, [1, 0, 2, 2] as const, [0, 1, 1, 2] as const],
  ];
  const rows = passes.map(([x, y, right, down]) => Math.ceil((side - y) / down) * (1 + Math.ceil((side - x) / right) * 8));
  const pixels = zeros(rows.reduce((sum, bytes) => sum + bytes, 0));
  return Buffer.concat([pngSignature, header(side, side, 16, colourAndAlpha, true), chunk('IDAT', pixels), pngEnd]);
}

/** With chunks behind the header. */
export const withChunks = (png: Buffer, ...chunks: Buffer[]): Buffer => {
  const behindHeader = pngSignature.length + 25;
  return Buffer.concat([png.subarray(0, behindHeader), ...chunks, png.subarray(behindHeader)]);
};

/** An animated PNG (PNG, third edition, 4.9): the plain picture first, then the other one. */
export async function animatedPng(): Promise<Buffer> {
  const [first, second] = await Promise.all([plain(8, 8).png().toBuffer(), plain(8, 8, blue).png().toBuffer()]);
  const control = Buffer.alloc(8);
  control.writeUInt32BE(2, 0);
  const frame = (sequence: number) => {
    const content = Buffer.alloc(26);
    content.writeUInt32BE(sequence, 0);
    content.writeUInt32BE(8, 4);
    content.writeUInt32BE(8, 8);
    content.writeUInt16BE(1, 20);
    content.writeUInt16BE(10, 22);
    return chunk('fcTL', content);
  };
  const start = second.indexOf('IDAT');
  const pixels = second.subarray(start + 4, start + 4 + second.readUInt32BE(start - 4));
  const moving = chunk('fdAT', Buffer.concat([Buffer.from([0, 0, 0, 2]), pixels]));
  const begun = withChunks(first, chunk('acTL', control), frame(0));
  return Buffer.concat([begun.subarray(0, -pngEnd.length), frame(1), moving, pngEnd]);
}

export const animatedWebp = async (): Promise<Buffer> => {
  const frames = await Promise.all([plain(8, 8).png().toBuffer(), plain(8, 8, blue).png().toBuffer()]);
  return sharp(frames, { join: { animated: true } })
    .webp({ loop: 0, delay: 10 })
    .toBuffer();
};
