// A program of its own, run for one picture (picture.ts): bytes come in on stdin, the new picture goes out on stdout, an exit
// code says why there is none. It has no key, no database and no environment of the service, and gives way to it.
import { setPriority } from 'node:os';
import { buffer } from 'node:stream/consumers';
import sharp from 'sharp';
import { edge, exits, maximumPixels, maximumSide, pictureTypes, quality } from './limits.ts';

/** The "nice" value: a tenth of a core that is wanted by everybody. Some sandboxes forbid it. */
const priority = 10;
try {
  setPriority(priority);
} catch {}

const type = pictureTypes.find(({ mime }) => mime === process.argv[2]);
if (!type) throw new Error('this program is run with a type of pictures');

// Of all that libvips can read, what the caller says it is.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({ operation: [type.loader] });
sharp.cache(false);
sharp.concurrency(1);

// Damage ends the decoding where it is met. Pixels are counted below, by the header alone.
const picture = sharp(await buffer(process.stdin), { failOn: 'error', limitInputPixels: false });
try {
  const { width, height } = await picture.metadata();
  if (Math.max(width, height) > maximumSide || width * height > maximumPixels) process.exit(exits.tooManyPixels);
  // Turned as EXIF says, the first frame of several, in sRGB. What is not asked to be kept stays behind: EXIF, XMP, comments.
  const avatar = await picture
    .autoOrient()
    .resize({ width: edge, height: edge, fit: 'inside', withoutEnlargement: true })
    .webp({ quality })
    .toBuffer();
  process.stdout.write(avatar);
} catch {
  // Untold: what libvips says may repeat what stands in the picture.
  process.exitCode = exits.unreadable;
}
