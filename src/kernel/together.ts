interface Together<Asked extends object, Question, Answer> {
  /** What has different names is never put together. */
  groupOf: (question: Question) => string;
  /**
   * Resolves to what gives each question its answer, or throws for that one alone. What it rejects with is told to all who
   * asked.
   */
  answer: (asked: Asked, questions: readonly Question[]) => Promise<(question: Question) => Answer>;
}

/** Questions that are asked at once. */
const largest = 100;

/** While the questions of a group are being asked this many times, others of it wait for one of them to end. */
const mostUnderWay = 2;

/**
 * Has what is asked of the same one answered together: what comes in one turn of the event loop, and what comes while
 * others are being answered. Each is asked after it has come. What is asked for alone waits for nothing.
 */
export function together<Asked extends object, Question, Answer>({
  groupOf,
  answer,
}: Together<Asked, Question, Answer>): (asked: Asked, question: Question) => Promise<Answer> {
  const groups = new WeakMap<Asked, Map<string, Group<Question, Answer>>>();
  return (asked, question) => {
    const name = groupOf(question);
    const ofAsked = groups.get(asked) ?? new Map<string, Group<Question, Answer>>();
    groups.set(asked, ofAsked);
    const group =
      ofAsked.get(name) ??
      new Group<Question, Answer>(
        (questions) => answer(asked, questions),
        () => ofAsked.delete(name),
      );
    ofAsked.set(name, group);
    return group.ask(question);
  };
}

class Group<Question, Answer> {
  #waiting: { question: Question; resolve: (answer: Answer) => void; reject: (error: unknown) => void }[] = [];
  #underWay = 0;
  #isPlanned = false;
  readonly #answer: (questions: readonly Question[]) => Promise<(question: Question) => Answer>;
  readonly #onEmpty: () => void;

  constructor(answer: (questions: readonly Question[]) => Promise<(question: Question) => Answer>, onEmpty: () => void) {
    this.#answer = answer;
    this.#onEmpty = onEmpty;
  }

  ask(question: Question): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#waiting.push({ question, resolve, reject });
    if (!this.#isPlanned) {
      this.#isPlanned = true;
      setImmediate(() => this.#begin());
    }
    return promise;
  }

  #begin(): void {
    this.#isPlanned = false;
    while (this.#waiting.length > 0 && this.#underWay < mostUnderWay) void this.#run();
    if (this.#waiting.length === 0 && this.#underWay === 0) this.#onEmpty();
  }

  async #run(): Promise<void> {
    const asked = this.#waiting.splice(0, largest);
    this.#underWay++;
    try {
      const answerTo = await this.#answer(asked.map(({ question }) => question));
      for (const { question, resolve, reject } of asked) {
        try {
          resolve(answerTo(question));
        } catch (error) {
          reject(error);
        }
      }
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
    this.#underWay--;
    if (!this.#isPlanned) this.#begin();
  }
}

/**
 * As many texts as Postgres takes an array of unknown length for, or more. With fewer it would make a new plan each time
 * in place of the one that it has made for any.
 */
export function anyOf(texts: readonly string[]): string[] {
  const expected = 10;
  return Array.from({ length: Math.max(texts.length, expected) }, (_, n) => texts[n % texts.length] ?? '');
}
