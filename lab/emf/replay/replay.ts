import { createEmfApi, type EmfApi } from "../api";
import { TokenIssuer } from "../auth";
import type { ApiRequest } from "../../http";
import { EmfStore, type Kind, type Project } from "../store";
import { Comparison, sameWording, type Answer, type Difference } from "./compare";
import { Placeholders } from "./placeholders";
import type { RecordedRequest, RecordedWrite, Step } from "./recording";
import { RecordedTokens } from "./tokens";

/** What became of a step. */
export interface StepOutcome {
    readonly step: Step;
    /** `exempt`: nothing depends on the step, so it counts neither way. */
    readonly verdict: "passed" | "failed" | "exempt";
    readonly differences: readonly Difference[];
    /** Whether an error said the same in other words. */
    readonly otherWording: boolean;
}

/** HEAD, OPTIONS, method override, `%ZZ` and the form of a path. */
const EXEMPT = new Set(["http-layer 8", "http-layer 9", "http-layer 29", "http-layer 36", "http-layer 37"]);

const PROJECT: Project = { name: "recorded", uid: "5d1a7e0e-6f0b-4a27-9d53-5c2c6d2f8a01" };
const OTHER: Project = { name: "recorded-other", uid: "8c3f5f5a-0f0e-4a0d-8a55-7d0a5c1f9b02" };

/** A client that waits for each answer is served about this often; the rate limit sees no more. */
const MS_PER_REQUEST = 6;

/** The scenarios of a recording, each with its steps in order. */
export function scenariosOf(steps: readonly Step[]): Map<string, Step[]> {
    const scenarios = new Map<string, Step[]>();
    for (const step of steps) scenarios.set(step.scenario, [...(scenarios.get(step.scenario) ?? []), step]);
    return scenarios;
}

/** Replays one scenario on an empty lab without workers. */
export async function replayScenario(steps: readonly Step[]): Promise<StepOutcome[]> {
    const run = await ScenarioRun.start();
    const outcomes: StepOutcome[] = [];
    for (const step of steps) outcomes.push(await run.play(step));
    return outcomes;
}

/** The keys are the same in all scenarios: making them takes longer than replaying. */
const issuers = new Map<string, Promise<TokenIssuer>>();

function issuerNamed(name: string): Promise<TokenIssuer> {
    const issuer = issuers.get(name) ?? TokenIssuer.create();
    issuers.set(name, issuer);
    return issuer;
}

class ScenarioRun {
    readonly #placeholders = new Placeholders({
        project: PROJECT.name,
        project2: OTHER.name,
        unknownProject: "recorded-unknown",
        projectUid: PROJECT.uid,
    });

    private constructor(
        private readonly store: EmfStore,
        private readonly api: EmfApi,
        private readonly tokens: RecordedTokens,
    ) {}

    static async start(): Promise<ScenarioRun> {
        let now = Date.now();
        const clock = (): Date => new Date(now);
        const issuer = await issuerNamed("own");
        const store = new EmfStore({ clock });
        store.addProject(PROJECT);
        store.addProject(OTHER);
        const api = createEmfApi({ store, auth: issuer, clock });
        const timed: EmfApi = (request) => {
            now += MS_PER_REQUEST;
            return api(request);
        };
        return new ScenarioRun(
            store,
            timed,
            new RecordedTokens(issuer, await issuerNamed("stranger"), PROJECT, OTHER),
        );
    }

    async play(step: Step): Promise<StepOutcome> {
        const comparison = new Comparison(this.#placeholders);
        const otherWording = step.manager
            ? this.#write(step, step.manager, comparison)
            : await this.#request(step, comparison);
        const { differences } = comparison;
        const exempt = EXEMPT.has(`${step.scenario} ${step.step}`);
        const verdict = exempt ? "exempt" : differences.length === 0 ? "passed" : "failed";
        return { step, verdict, differences, otherWording };
    }

    #write({ result }: Step, write: RecordedWrite, comparison: Comparison): boolean {
        const { kind, ...rest } = this.#placeholders.fill(write);
        const actual = this.store.manager({ ...rest, kind: kind as Kind });
        const code = actual.ok ? undefined : actual.code;
        comparison.value("result", { ok: result?.ok, code: result?.code }, { ok: actual.ok, code });
        return !actual.ok && !sameWording(this.#placeholders, { message: result?.message }, actual);
    }

    async #request(step: Step, comparison: Comparison): Promise<boolean> {
        if (!step.request || !step.response)
            throw new Error(`${step.scenario} ${step.step} has neither write nor request`);
        let otherWording = false;
        for (const request of this.#requests(step, step.request)) {
            const answer = await this.#send(request, step.auth);
            comparison.response(step.response, answer);
            const isError = step.response.status >= 400;
            otherWording ||= isError && !sameWording(this.#placeholders, step.response.body, answer.body);
        }
        return otherWording;
    }

    /** The requests of a step: one, or one for each number of a bulk step. */
    *#requests({ bulk }: Step, request: RecordedRequest): Generator<RecordedRequest> {
        const filled = this.#placeholders.fill(request);
        if (!bulk) {
            yield filled;
            return;
        }
        for (let n = bulk.from; n <= bulk.to; n++) {
            yield new Placeholders({ [bulk.var]: String(n).padStart(bulk.pad, "0") }).fill(filled);
        }
    }

    async #send(request: RecordedRequest, auth: string | undefined): Promise<Answer> {
        const { status, headers, body } = await this.api(await this.#toApi(request, auth));
        const contentType = headers["content-type"] ?? null;
        const text = body.toString("utf8");
        return {
            status,
            contentType,
            body: contentType === "application/json" ? (JSON.parse(text) as unknown) : text,
        };
    }

    async #toApi(request: RecordedRequest, auth: string | undefined): Promise<ApiRequest> {
        const headers: Record<string, string | undefined> = {
            "content-type": "application/json",
            authorization: await this.tokens.header(auth),
        };
        for (const [name, value] of Object.entries(request.headers ?? {}))
            headers[name.toLowerCase()] = value ?? undefined;
        return { method: request.method, url: urlOf(request), headers, body: bodyOf(request) };
    }
}

function urlOf({ path, query, rawQuery }: RecordedRequest): string {
    const pairs = Object.entries(query ?? {}).map(
        ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`,
    );
    const search = rawQuery ?? pairs.join("&");
    return search === "" ? path : `${path}?${search}`;
}

function bodyOf({ body, rawBody, generatedBody }: RecordedRequest): Buffer | undefined {
    if (generatedBody) {
        const { prefix, unit, times, suffix } = generatedBody;
        return Buffer.from(`${prefix}${unit.repeat(times)}${suffix}`);
    }
    if (rawBody !== undefined) return Buffer.from(rawBody);
    return body === undefined ? undefined : Buffer.from(JSON.stringify(body));
}
