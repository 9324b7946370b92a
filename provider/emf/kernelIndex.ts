import { HttpClient } from "../http/client";
import type { Host } from "../resource/context";
import { EdgeError, UnavailableHere } from "../resource/errors";
import type { EmfSettings } from "./settings";

const TIME_LIMIT = 5_000;
const MOST_REDIRECTS = 3;

/** Which kernel packages a package archive has, by a page or index that names them; asked once for each. */
export class KernelIndex {
    private readonly http: HttpClient;
    private readonly answers = new Map<string, Promise<boolean>>();
    private readonly address: string;

    constructor({ kernelIndexUrl, advice, ca }: EmfSettings, host: Host) {
        this.address = kernelIndexUrl;
        this.http = new HttpClient({
            system: "kernel index",
            baseUrl: new URL(kernelIndexUrl).origin,
            env: host.env,
            clock: host,
            advice: { ...advice, endpoint: advice.kernelIndexUrl },
            secrets: () => [],
            ...(ca === undefined ? {} : { ca }),
        });
    }

    /** What cannot be told here throws UnavailableHere. */
    has(name: string, signal: AbortSignal): Promise<boolean> {
        let answer = this.answers.get(name);
        if (!answer) {
            answer = this.ask(name, signal);
            this.answers.set(name, answer);
            answer.catch(() => this.answers.delete(name));
        }
        return answer;
    }

    close(): Promise<void> {
        return this.http.close();
    }

    private async ask(name: string, signal: AbortSignal): Promise<boolean> {
        const url = new URL(this.address.replaceAll("{package}", encodeURIComponent(name)));
        const call = {
            method: "GET",
            path: url.pathname,
            query: Object.fromEntries(url.searchParams),
            redirects: MOST_REDIRECTS,
            attempts: 1,
            timeLimit: TIME_LIMIT,
            signal,
        } as const;
        const answer = await this.http.send(call).catch((error: unknown) => {
            throw error instanceof EdgeError && !(error instanceof UnavailableHere)
                ? new UnavailableHere(error.message)
                : error;
        });
        if (answer.status === 404 && this.address.includes("{package}")) return false;
        if (answer.status !== 200) {
            throw new UnavailableHere(`${this.http.describe(call)} is answered with HTTP ${answer.status}`);
        }
        // In a folder's listing the name goes on with _<version>, in an index or a JSON text it stands alone.
        const escaped = name.replaceAll(".", "\\.");
        return new RegExp(`(?<![a-z0-9.+-])${escaped}(?![a-z0-9.+-])`).test(answer.text);
    }
}
