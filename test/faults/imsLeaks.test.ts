import { expect } from "chai";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { startLab, type ImsLab, type Lab } from "../../lab";
import { needsImageRoots } from "../support/imageRoot";
import { importImage, imsConfig } from "../support/ims";
import { registerRecipe } from "../support/recipe";
import { VerbRunner, type VerbAnswer, type VerbCall } from "../support/verbs";

/** Every moment; without it a sample of them. */
const ALL = process.env.EDGE_OS_ALL_FAULTS === "1";
const KIND = "ims.CustomizedImage";
const API = "apis/ims/v3";
/** How often what is no call is looked at, in milliseconds: shorter than anything that a job does. */
const LOOK = 3;

/** What can be seen of a customization while it runs: a call before or after its effect, or nothing but the state. */
interface Sight {
    readonly call: string;
    readonly status: string | undefined;
    readonly stepRuns: boolean;
    readonly ims: ImsLab;
}

/** When the process dies. */
interface Moment {
    readonly title: string;
    readonly at: (sight: Sight) => boolean;
    readonly prepare?: (ims: ImsLab) => void;
    /** In the sample that every test run takes. */
    readonly usual?: true;
}

const calls = (title: string, call: string, usual?: true): Moment => ({
    title,
    at: (sight) => sight.call === call,
    ...(usual ? { usual } : {}),
});

const MOMENTS: readonly Moment[] = [
    calls("before its key is registered", `before POST ${API}/public-keys`),
    calls("when its key is registered and the answer lost", `after POST ${API}/public-keys`, true),
    calls("before its job is created", `before POST ${API}/jobs`),
    calls("when its job is created and the answer lost", `after POST ${API}/jobs`, true),
    {
        title: "while the job's pod is scheduled",
        prepare: (ims) => ims.breakNextJob({ at: "creating", do: "hang" }),
        at: ({ call, status }) => call === `after GET ${API}/jobs/{id}` && status === "creating",
    },
    { title: "while the base is fetched", at: ({ status }) => status === "fetching_image" },
    {
        title: "when the session has just opened",
        at: ({ call, status }) => call === `after GET ${API}/jobs/{id}` && status === "waiting_on_user",
    },
    calls("when it is logged in, before its key is deleted", `before DELETE ${API}/public-keys/{id}`),
    calls("when its key is deleted softly", `after DELETE ${API}/public-keys/{id}`, true),
    calls("when its key is deleted for good", `after DELETE ${API}/deleted/public-keys/{id}`),
    { title: "while a step runs", at: ({ stepRuns }) => stepRuns, usual: true },
    {
        title: "when the session was ended well",
        at: ({ call, ims }) => call === `before GET ${API}/jobs/{id}` && sessionEnded(ims),
        usual: true,
    },
    { title: "while the image is packed", at: ({ status }) => status === "packaging_artifacts" },
    {
        title: "while the record of the image has no link",
        at: ({ ims }) => ims.store.images.list().some(({ link }) => link === null),
        usual: true,
    },
    { title: "when the job has succeeded", at: ({ status }) => status === "success" },
    calls("before the image is claimed", `before PATCH ${API}/images/{id}`, true),
    calls("when the image is half claimed", `after PATCH ${API}/images/{id}`),
    calls("when the image is claimed, before the job is deleted", `before DELETE ${API}/jobs/{id}`),
    calls("when the job is deleted and the answer lost", `after DELETE ${API}/jobs/{id}`, true),
    calls("while the image's artifacts are looked at", `before PUT apis/sts/token`),
];

/** Of a build from a recipe, whose key says whose it is for as long as it runs. */
const BUILD_MOMENTS: readonly Moment[] = [
    calls("when its key is registered and the answer lost", `after POST ${API}/public-keys`),
    calls("when its job is created and the answer lost", `after POST ${API}/jobs`, true),
    { title: "while its recipe is fetched", at: ({ status }) => status === "fetching_recipe" },
    { title: "while its root is built", at: ({ status }) => status === "building_image" },
    { title: "when the job has succeeded", at: ({ status }) => status === "success" },
    calls("before the image is claimed", `before PATCH ${API}/images/{id}`),
    calls("when the image is claimed, before the job is deleted", `before DELETE ${API}/jobs/{id}`),
    calls("when the job is deleted and the answer lost", `after DELETE ${API}/jobs/{id}`, true),
    calls("when its key is deleted softly", `after DELETE ${API}/public-keys/{id}`),
];

/** Those after which the run of a changed program finds a job, or a finished image, of other content. */
const BEFORE_A_CHANGE = ["while a step runs", "while the image is packed", "when the job has succeeded"];

describe("a customization of an image whose process is killed, and that is run again", function () {
    this.timeout(60_000);
    let lab: Lab;
    let dir: string;
    let runner: VerbRunner;

    before(async function () {
        needsImageRoots(this);
        dir = fs.mkdtempSync(path.join(os.tmpdir(), "ims-leaks-"));
        const parts = { emf: false, images: false, ims: true };
        lab = await startLab({ dir: path.join(dir, "lab"), ...parts, jobSpeed: 100 });
        const { clientSecret, ...config } = imsConfig(lab.ims);
        runner = new VerbRunner({
            config: { "edge-os:ims": JSON.stringify(config) },
            env: { EDGE_OS_IMS_CLIENT_SECRET: clientSecret },
        });
        await importImage(lab.ims, "base");
        await registerRecipe(lab.ims, "recipe");
    });
    after(async () => {
        await lab.close();
        fs.rmSync(dir, { recursive: true, force: true });
    });

    for (const moment of MOMENTS.filter(({ usual }) => ALL || usual)) {
        it(`leaves one image and nothing else: killed ${moment.title}`, async () => {
            const create = creation("first");
            await killed(create, moment);
            const made = await verb(create);
            expect(leftBeside(made), "after the next run").to.deep.equal({ images: [made.id] });
            await verb({ kind: KIND, verb: "delete", ...made });
            expect(leftBeside(made), "after its destruction").to.deep.equal({ images: [] });
            forget(made.id);
        });
    }

    for (const moment of BUILD_MOMENTS.filter(({ usual }) => ALL || usual)) {
        it(`leaves one image built from a recipe and nothing else: killed ${moment.title}`, async () => {
            const create: VerbCall = {
                kind: "ims.RecipeImage",
                verb: "create",
                news: { recipe: "recipe", name: "built" },
            };
            await killed(create, moment);
            const made = await verb(create);
            expect(leftBeside(made), "after the next run").to.deep.equal({ images: [made.id] });
            await verb({ kind: create.kind, verb: "delete", ...made });
            expect(leftBeside(made), "after its destruction").to.deep.equal({ images: [] });
            forget(made.id);
        });
    }

    for (const moment of MOMENTS.filter(({ title }) => ALL && BEFORE_A_CHANGE.includes(title))) {
        it(`leaves nothing of what the program no longer says: killed ${moment.title}`, async () => {
            await killed(creation("first"), moment);
            const made = await verb(creation("changed"));
            expect(leftBeside(made)).to.deep.equal({ images: [made.id] });
            await verb({ kind: KIND, verb: "delete", ...made });
            expect(leftBeside(made)).to.deep.equal({ images: [] });
            for (const { id } of lab.ims.store.images.listDeleted()) forget(id);
        });
    }

    for (const [title, call] of [
        ["before the image is deleted", `before DELETE ${API}/images/{id}`],
        ["when it is deleted softly", `after DELETE ${API}/images/{id}`],
    ] as const) {
        it(`destroys it for good: killed ${title}`, async () => {
            const made = await verb(creation("first", { permanentDelete: true }));
            const remove: VerbCall = { kind: KIND, verb: "delete", ...made };
            await killed(remove, calls(title, call));
            await verb(remove);
            expect(leftBeside(made)).to.deep.equal({ images: [] });
            expect(lab.ims.store.images.listDeleted()).to.deep.equal([]);
            const objects = await lab.ims.objects.keys("boot-images");
            expect(objects.filter((key) => key.includes(made.id))).to.deep.equal([]);
        });
    }

    /** The step ends only when it is told to, so that the process can be killed while it runs. */
    function creation(says: string, more: object = {}): VerbCall {
        const run = `echo ${says} > /etc/begun\nwhile [ ! -e /tmp/go ]; do sleep 0.02; done\nrm /etc/begun /tmp/go`;
        const news = { baseImage: "base", name: "layer", steps: [{ run }], ...more };
        return { kind: KIND, verb: "create", news };
    }

    async function verb(call: VerbCall): Promise<{ id: string; olds: Record<string, unknown> }> {
        const answer = await watched(call, () => false);
        if (!answer) throw new Error("the process was killed");
        if (answer.error !== undefined) throw new Error(answer.error);
        return { id: answer.result?.id ?? call.id ?? "", olds: answer.result?.outs ?? {} };
    }

    async function killed(call: VerbCall, { title, at, prepare }: Moment): Promise<void> {
        prepare?.(lab.ims);
        const answer = await watched(call, at);
        expect(answer, `it ended and was not killed ${title}: ${answer?.error ?? ""}`).to.equal(undefined);
    }

    /** Runs a verb until it ends or the moment comes, which kills it. Steps that have begun are told to go on. */
    async function watched(call: VerbCall, dies: (sight: Sight) => boolean): Promise<VerbAnswer | undefined> {
        const look = (seen: string): boolean => {
            const running = runningStep(path.join(dir, "lab/ims/jobs"));
            const [job] = lab.ims.store.jobs.list();
            const dead = dies({
                ...{ call: seen, status: job?.status, stepRuns: running !== undefined, ims: lab.ims },
            });
            if (dead) runner.kill();
            else if (running !== undefined) fs.writeFileSync(path.join(running, "tmp/go"), "");
            return dead;
        };
        lab.ims.resetCalls();
        lab.ims.tap = (side, route) => (look(`${side} ${route}`) ? "drop" : undefined);
        const timer = setInterval(() => look(""), LOOK);
        try {
            return await runner.run(call);
        } finally {
            clearInterval(timer);
            delete lab.ims.tap;
        }
    }

    /** What there is in IMS beside the base and records that are deleted softly; only images may be there. */
    function leftBeside(made: { id: string }): Record<string, unknown> {
        const { jobs, publicKeys, images } = lab.ims.store;
        const found = {
            jobs: jobs.list(),
            keys: publicKeys.list(),
            deletedKeys: publicKeys.listDeleted(),
            unlinked: images.list().filter(({ link }) => link === null),
            kubernetes: lab.ims.kubernetesObjects(),
        };
        const left = Object.entries(found).filter(([, list]) => list.length > 0);
        const others = images.list().filter(({ name }) => name !== "base");
        expect(made.id).to.not.equal("");
        return { ...Object.fromEntries(left), images: others.map(({ id }) => id) };
    }

    /** What one test has deleted softly would be brought back by the next. */
    function forget(id: string): void {
        lab.ims.store.images.forget(id);
    }
});

/** The image root in which a step has begun and was not told to go on; the folder goes with its job. */
function runningStep(jobs: string): string | undefined {
    if (!fs.existsSync(jobs)) return undefined;
    return fs
        .readdirSync(jobs)
        .map((job) => path.join(jobs, job, "mnt/image/image-root"))
        .find((root) => exists(root, "etc/begun") && !exists(root, "tmp/go"));
}

/** What is asked of the job after its key is gone is whether the image is packed. */
function sessionEnded(ims: ImsLab): boolean {
    const { routes } = ims.calls();
    const [job] = ims.store.jobs.list();
    return (
        (routes[`DELETE ${API}/deleted/public-keys/{id}`] ?? 0) > 0 &&
        ["waiting_on_user", "packaging_artifacts"].includes(job?.status ?? "")
    );
}

function exists(root: string, file: string): boolean {
    return fs.existsSync(path.join(root, file));
}
