interface Waiting<Question, Answer> {
  question: Question;
  resolve: (answer: Answer) => void;
  reject: (error: unknown) => void;
}

interface Together<Asked extends object, Question, Answer> {
  /** What has different names is never put together. */
  groupOf: (question: Question) => string;
  /** At once. */
  largest: number;
  /**
   * Resolves to what gives each question its answer, or throws for that one alone. What it rejects with is told to all who
   * asked.
   */
  answer: (asked: Asked, questions: readonly Question[]) => Promise<(question: Question) => Answer>;
}

/**
 * Has what is asked of the same one in one turn of the event loop answered together. What is asked for alone waits for
 * nothing.
 */
export function together<Asked extends object, Question, Answer>({
  groupOf,
  largest,
  answer,
}: Together<Asked, Question, Answer>): (asked: Asked, question: Question) => Promise<Answer> {
  type Group = Waiting<Question, Answer>[];
  const waiting = new Map<Asked, Map<string, Group>>();

  const answerAll = (asked: Asked, groups: ReadonlyMap<string, Group>) => {
    waiting.delete(asked);
    for (const group of groups.values()) {
      for (let start = 0; start < group.length; start += largest) void answerSome(asked, group.slice(start, start + largest));
    }
  };

  const answerSome = async (asked: Asked, group: Group) => {
    try {
      const answerTo = await answer(
        asked,
        group.map(({ question }) => question),
      );
      for (const one of group) answerOne(one, answerTo);
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  };

  const answerOne = ({ question, resolve, reject }: Waiting<Question, Answer>, answerTo: (question: Question) => Answer) => {
    try {
      resolve(answerTo(question));
    } catch (error) {
      reject(error);
    }
  };

  return (asked, question) => {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    let groups = waiting.get(asked);
    if (!groups) {
      groups = new Map();
      waiting.set(asked, groups);
      setImmediate(answerAll, asked, groups);
    }
    const name = groupOf(question);
    const group = groups.get(name);
    if (group) group.push({ question, resolve, reject });
    else groups.set(name, [{ question, resolve, reject }]);
    return promise;
  };
}

/**
 * As many texts as Postgres takes an array of unknown length for, or more. With fewer it would make a new plan each time
 * in place of the one that it has made for any.
 */
export function anyOf(texts: readonly string[]): string[] {
  const expected = 10;
  return Array.from({ length: Math.max(texts.length, expected) }, (_, n) => texts[n % texts.length] ?? '');
}
