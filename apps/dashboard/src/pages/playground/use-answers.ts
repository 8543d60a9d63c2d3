import { useEffect, useState } from 'preact/hooks';
import { type Answers, answersOf } from '../../data/answers.js';
import type { Scope } from '../../scope.js';

/** Pause in typing after which the text is asked about. */
const typingPauseMs = 220;

/** Asks all users' models of a text with one request. `askAgain` is for when one of them has learnt. */
export function useAnswers({ client }: Scope, task: string, users: string[], text: string) {
  const [answers, setAnswers] = useState<Answers>();
  const [error, setError] = useState<unknown>();
  const [asked, setAsked] = useState(0);

  // `asked` is what `askAgain` changes to run this again.
  useEffect(() => {
    setError(undefined);
    if (text === '' || users.length === 0) {
      setAnswers(undefined);
      return;
    }
    const controller = new AbortController();
    const { signal } = controller;
    const ask = async () => {
      try {
        const response = await client.predictUsers({ task, users, inputs: [text] }, { signal });
        setAnswers((known) => answersOf(known, text, response));
      } catch (reason) {
        if (!signal.aborted) setError(reason);
      }
    };
    const timer = setTimeout(ask, answers?.text === text ? 0 : typingPauseMs);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [text, task, JSON.stringify(users), asked]);

  return { answers, error, askAgain: () => setAsked((count) => count + 1) };
}
