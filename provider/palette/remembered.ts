import { abortable } from "../http/abortable";

/** Answers that stay as they are during a run: each is asked for once, and again only where that failed. */
export class Remembered<T> {
    private readonly answers = new Map<string, Promise<T>>();

    get(key: string, ask: () => Promise<T>, signal?: AbortSignal): Promise<T> {
        const known = this.answers.get(key) ?? this.start(key, ask);
        return abortable(known, signal);
    }

    private start(key: string, ask: () => Promise<T>): Promise<T> {
        const answer = ask();
        this.answers.set(key, answer);
        answer.catch(() => this.answers.delete(key));
        return answer;
    }
}
