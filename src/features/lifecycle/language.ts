/** BCP 47: the tag in its canonical form, "und" for none or one that does not parse. */
export function languageOf(tag: string): string {
  if (tag === '') return 'und';
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? 'und';
  } catch {
    return 'und';
  }
}
