import type { ApiRequest } from "../../http";
import { Kubernetes } from "../kubernetes";
import { MemoryObjects } from "../objects";
import { createImsApi, type ImsApi } from "../rest/api";
import { DEFAULT_SETTINGS, type ImsSettings } from "../rest/service";
import { ImsStore } from "../store";
import { Comparison, isFields, type Difference } from "./comparison";
import type { RecordedRequest, RecordedResponse, Scenario, Step } from "./recording";

export interface StepOutcome {
    readonly scenario: string;
    readonly step: Step;
    /** `exempt`: a step that only prepares the surroundings. */
    readonly verdict: "passed" | "failed" | "exempt";
    readonly differences: readonly Difference[];
    /** Whether an error said the same in other words. */
    readonly otherWording: boolean;
}

/** Replays one scenario on an empty service whose jobs do not run. */
export async function replayScenario(scenario: Scenario): Promise<StepOutcome[]> {
    const run = new ScenarioRun(scenario);
    const outcomes: StepOutcome[] = [];
    for (const step of scenario.steps) outcomes.push(await run.play(step));
    return outcomes;
}

class ScenarioRun {
    readonly #objects = new MemoryObjects(["boot-images", "ims"]);
    readonly #kubernetes = new Kubernetes();
    readonly #comparison: Comparison;
    readonly #api: ImsApi;

    constructor(private readonly scenario: Scenario) {
        this.#comparison = new Comparison(scenario.placeholders);
        this.#api = createImsApi({
            store: new ImsStore(() => new Date()),
            objects: this.#objects,
            kubernetes: this.#kubernetes,
            settings: settingsOf(scenario.settings),
            connectionOf: (id) =>
                Promise.resolve({
                    customer_access: { host: `${id}.ims.cmn.shasta.local`, port: 22 },
                    "cluster.local": { host: `cray-ims-${id}-service.ims.svc.cluster.local`, port: 22 },
                }),
        });
    }

    async play(recorded: Step): Promise<StepOutcome> {
        const step = { ...this.#comparison.fill(recorded), response: recorded.response };
        await this.#prepare(step);
        await this.#look(recorded);
        const otherWording =
            step.request && step.response ? await this.#request(step.request, step.response) : false;
        const differences = this.#comparison.take();
        const counts =
            step.request ?? step.expectObjects ?? step.expectObject ?? step.expectKubernetesObjects;
        const verdict = counts === undefined ? "exempt" : differences.length === 0 ? "passed" : "failed";
        return { scenario: this.scenario.scenario, step: recorded, verdict, differences, otherWording };
    }

    async #prepare(step: Step): Promise<void> {
        for (const { bucket, key, content, metadata } of step.putObjects ?? []) {
            await this.#objects.put({ bucket, key }, Buffer.from(content), metadata);
        }
        for (const place of step.deleteObjects ?? []) await this.#objects.remove(place);
        if (step.kubernetesFaults) this.#kubernetes.faults = step.kubernetesFaults;
    }

    async #look({ expectObjects, expectObject, expectKubernetesObjects }: Step): Promise<void> {
        for (const [bucket, keys] of Object.entries(expectObjects ?? {})) {
            this.#comparison.same(bucket, keys, await this.#objects.keys(bucket));
        }
        if (expectObject) {
            const { bucket, key, json } = expectObject;
            const place = this.#comparison.fill({ bucket, key });
            const content = (await this.#objects.get(place))?.toString("utf8");
            this.#comparison.equal("object", json, content === undefined ? undefined : JSON.parse(content));
        }
        if (expectKubernetesObjects) {
            this.#comparison.same("kubernetes", expectKubernetesObjects, this.#kubernetes.list());
        }
    }

    /** Returns whether an error said the same in other words. */
    async #request(request: RecordedRequest, expected: RecordedResponse): Promise<boolean> {
        const { status, headers, body } = await this.#api(toApi(request));
        const text = body.toString("utf8");
        const actual: unknown = text === "" ? undefined : JSON.parse(text);
        const comparison = this.#comparison;
        comparison.equal("status", expected.status, status);
        comparison.equal("content-type", expected.contentType, headers["content-type"] ?? null);
        if (expected.allow) comparison.same("allow", expected.allow, headers.allow?.split(", ") ?? []);
        if (expected.status < 400) {
            comparison.equal("body", expected.body ?? undefined, actual);
            return false;
        }
        comparison.equal("error", machineReadable(expected.body), machineReadable(actual));
        return !comparison.sameWords(expected.body, actual);
    }
}

/** Of an error its title and the names of the fields it is about; the wording is people's. */
function machineReadable(body: unknown): unknown {
    if (!isFields(body)) return undefined;
    const { title, errors } = body;
    return { title, errors: isFields(errors) ? Object.keys(errors).sort() : undefined };
}

function settingsOf(given: Readonly<Record<string, string>> = {}): ImsSettings {
    const { JOB_ENABLE_DKMS, DEFAULT_IMS_IMAGE_SIZE, DEFAULT_IMS_JOB_MEM_SIZE } = given;
    return {
        enableDkms: JOB_ENABLE_DKMS === undefined ? DEFAULT_SETTINGS.enableDkms : JOB_ENABLE_DKMS === "True",
        imageSize: Number(DEFAULT_IMS_IMAGE_SIZE ?? DEFAULT_SETTINGS.imageSize),
        jobMemSize: Number(DEFAULT_IMS_JOB_MEM_SIZE ?? DEFAULT_SETTINGS.jobMemSize),
    };
}

function toApi({ method, path, headers = {}, body, rawBody }: RecordedRequest): ApiRequest {
    const content = rawBody ?? (body === undefined ? undefined : JSON.stringify(body));
    return {
        method,
        url: path,
        headers: Object.fromEntries(
            Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
        ),
        ...(content === undefined ? {} : { body: Buffer.from(content) }),
    };
}
