/** The most bytes of an upload. */
export const maximumBytes = 512 * 1024;

/** Pixels of an uploaded picture: 4096 × 4096. */
export const maximumPixels = 2 ** 24;

/** Pixels of one side of it: decoders hold some rows at once, and one of 16 million pixels took 2.2 GB. */
export const maximumSide = 8192;

/** Pixels of the longer side of an avatar. Nothing is made larger than it came. */
export const edge = 512;

/** Of WebP, up to 100. */
export const quality = 80;

export interface PictureType {
  mime: string;
  /** Bytes that stand at these offsets. */
  marks: readonly { at: number; bytes: Buffer }[];
  /** What stands at its end, where a decoder that has all pixels does not look for it. */
  end: Buffer;
  /** The one function of libvips that may read it. */
  loader: string;
}

const anything = Buffer.alloc(0);
/** An empty IEND chunk with its checksum (PNG, third edition, 11.2.5). */
const pngEnd = Buffer.from('0000000049454e44ae426082', 'hex');

const mark = (at: number, hex: string) => ({ at, bytes: Buffer.from(hex, 'hex') });
/** ITU-T T.81, B.1; PNG, third edition, 5.2; RFC 9649, 2.3. */
const jpegMarks = [mark(0, 'ffd8ff')];
const pngMarks = [mark(0, '89504e470d0a1a0a')];
const webpMarks = [mark(0, '52494646'), mark(8, '57454250')];

export const pictureTypes: readonly PictureType[] = [
  { mime: 'image/jpeg', marks: jpegMarks, end: anything, loader: 'VipsForeignLoadJpegBuffer' },
  { mime: 'image/png', marks: pngMarks, end: pngEnd, loader: 'VipsForeignLoadPngBuffer' },
  { mime: 'image/webp', marks: webpMarks, end: anything, loader: 'VipsForeignLoadWebpBuffer' },
];

/** How the decoder's program ends without a picture. */
export const exits = { unreadable: 10, tooManyPixels: 11 } as const;
