/** What is wrong, and what to do about it. */
export class Finding extends Error {
  override name = 'Finding';
}

/** One thing that the doctor looks at. */
export interface Check {
  name: string;
  /** Says what is well; throws a Finding, or what `startProblem` knows. */
  look: () => Promise<string>;
}
