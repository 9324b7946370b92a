import * as fs from "node:fs";
import * as path from "node:path";
import { ResultCache } from "../image/cache";
import type * as Library from "../image/library";
import { dockerLogin } from "../oci/dockerConfig";
import { parseReference } from "../oci/reference";
import type { Context, Host } from "../resource/context";
import { readFolder, type CheckoutFolder } from "./baseImage.folder";
import { build, folderOf, removeFolder, stopBuild, type BuildTools } from "./build";
import type { BuildPlan, Placement } from "./build.plan";
import type { BuildResult } from "./build.types";
import { keptResult } from "./buildResult";
import { isCheckoutTexts, knownCommit, lookAtFolder, readCommit, type KnownCheckout } from "./checkout";
import { Docker } from "./docker";
import { fetchFile } from "./downloads";
import { Git } from "./git";
import { Repositories } from "./repositories";
import type { CanvosSettings } from "./settings";
import { isCommit, isSameSource, type GitSource, type Source } from "./source";
import { stateOf } from "./supervisor";

type BuildContext = Pick<
    Context<unknown>,
    "title" | "signal" | "sleep" | "progress" | "log" | "now" | "projectDir"
>;

/** What an earlier run has made of a source. */
export interface ResolvedSource {
    source: Source;
    commit: string;
}

/** What the CanvOS resources work with: repositories, Docker, and the builds of this machine. */
export class Builder {
    readonly docker: Docker;
    readonly cache: ResultCache;
    private readonly git: Git;
    private readonly repositories: Repositories;
    private library?: Library.ImageLibrary;
    private readonly looks = new Map<string, Promise<KnownCheckout>>();
    private readonly lasts = new Map<string, object>();
    /** Digests of inputs that rows of this run have. */
    readonly wanted = new Set<string>();

    constructor(
        readonly settings: CanvosSettings,
        readonly host: Host,
    ) {
        const { dockerHost, git, workDirectory } = settings;
        this.docker = new Docker({
            ...host.env,
            ...(dockerHost === undefined ? {} : { DOCKER_HOST: dockerHost }),
        });
        this.git = new Git(host.env, git);
        this.repositories = new Repositories(this.git, path.join(workDirectory, "repositories"));
        this.cache = new ResultCache(ResultCache.defaultFolder(host.env));
    }

    /**
     * The inputs of a row's last run. The second check of a replacement is not told them, and must not take the commit
     * of a moved tag, or the name of images that are gone.
     */
    lastOf<T extends object>(row: string, told: T | undefined): T | undefined {
        if (told) this.lasts.set(row, told);
        return this.lasts.get(row) as T | undefined;
    }

    /** The checkout of a source; the commit that an earlier run has found stays, unless its branch is followed. */
    async checkout(
        source: Source,
        last: ResolvedSource | undefined,
        context: BuildContext,
    ): Promise<KnownCheckout> {
        if (!("git" in source)) {
            return lookAtFolder(this.git, path.resolve(context.projectDir, source.path));
        }
        const isKept = last !== undefined && source.track !== true && isSameSource(last.source, source);
        const commit = isKept ? last.commit : await this.repositories.commitOf(source, context);
        const key = `${source.git}\0${source.ref}\0${commit}`;
        const look = this.looks.get(key) ?? this.lookAt(source, commit, context);
        this.looks.set(key, look);
        look.catch(() => this.looks.delete(key));
        return look;
    }

    /** A folder of a checkout, with what the program lays over it. */
    async checkoutFolder(
        known: KnownCheckout,
        folder: string,
        placements: readonly Placement[],
        context: Pick<BuildContext, "signal" | "sleep">,
    ): Promise<CheckoutFolder> {
        const { origin, commit } = known;
        if (origin !== undefined) await this.repositories.withCommit(origin, commit, context);
        return readFolder(this.git, known, folder, placements);
    }

    /** The commit that a ref names by now, where that is another one. */
    async movedTo(source: Source, commit: string, context: BuildContext): Promise<string | undefined> {
        if (!("git" in source) || source.track === true || isCommit(source.ref)) return undefined;
        // Only a warning hangs on it: without a network there is none.
        const now = await this.repositories.commitOf(source, context).catch(() => commit);
        return now === commit ? undefined : now;
    }

    async build(plan: BuildPlan, context: BuildContext): Promise<BuildResult> {
        const { origin, commit } = plan.known;
        if (origin !== undefined) await this.repositories.withCommit(origin, commit, context);
        const fetched: Placement[] = [];
        for (const download of plan.downloads) {
            const folder = path.join(this.settings.workDirectory, "downloads");
            fetched.push({ from: await fetchFile(download, folder, this.images, context), to: download.to });
        }
        return build({ ...plan, placements: [...plan.placements, ...fetched] }, this.tools(plan), context);
    }

    /** What looks into disk images and publishes them, with the settings of `edge-os:image`. */
    get images(): Library.ImageLibrary {
        // eslint-disable-next-line @typescript-eslint/no-require-imports -- a preview of what is built looks into nothing
        const { imageSystem } = require("../image/library") as typeof Library;
        return (this.library ??= imageSystem.connect({}, this.host));
    }

    /**
     * Runs `docker` with the login for one image's registry, which it takes from its environment: a file would stay when
     * the run is killed.
     */
    async withLogin<T>(reference: string, run: (docker: Docker) => Promise<T>): Promise<T> {
        const server = serverOf(registryOf(reference) ?? "");
        const login = (await this.loginsOf({ IMAGE_REGISTRY: reference })).get(server);
        // Not below /tmp, where nothing can be run on some machines.
        fs.mkdirSync(this.settings.workDirectory, { recursive: true, mode: 0o700 });
        const folder = fs.mkdtempSync(path.join(this.settings.workDirectory, "docker-login-"));
        try {
            const config = login ? { credHelpers: { [server]: LOGIN_HELPER.name } } : {};
            fs.writeFileSync(path.join(folder, "config.json"), JSON.stringify(config));
            const helper = path.join(folder, `docker-credential-${LOGIN_HELPER.name}`);
            fs.writeFileSync(helper, LOGIN_HELPER.script, { mode: 0o700 });
            const { PATH = "" } = this.docker.env;
            const env = { ...this.docker.env, DOCKER_HOST: await this.docker.host(), DOCKER_CONFIG: folder };
            return await run(
                new Docker({
                    ...env,
                    ...(login
                        ? { PATH: `${folder}:${PATH}`, [LOGIN_HELPER.variable]: credentials(server, login) }
                        : {}),
                }),
            );
        } finally {
            fs.rmSync(folder, { recursive: true, force: true });
        }
    }

    /** Whether a build of these inputs is done, or on its way: nothing is needed to begin it. */
    hasBuild(inputHash: string): boolean {
        return this.isRunning(inputHash) || this.hasEndedWell(inputHash);
    }

    isRunning(inputHash: string): boolean {
        return stateOf(folderOf(this.settings.workDirectory, inputHash)).state === "running";
    }

    /** What a build of these inputs has left on this machine; undefined without one, or where a part of it is gone. */
    async keptBuild(plan: BuildPlan, signal: AbortSignal): Promise<BuildResult | undefined> {
        if (!this.hasEndedWell(plan.inputHash)) return undefined;
        const folder = folderOf(this.settings.workDirectory, plan.inputHash);
        return keptResult(plan, folder, this.docker, signal);
    }

    /** Ends a build that still runs, and removes what it has left on this machine, but no images. */
    async removeBuild(inputHash: string): Promise<void> {
        const folder = folderOf(this.settings.workDirectory, inputHash);
        const state = stateOf(folder);
        if (state.state === "running") await stopBuild(folder, state.process, this.docker);
        await removeFolder(folder);
    }

    /** A commit never changes: what was read of it once is kept. */
    private async lookAt(
        { git: origin, ref }: GitSource,
        commit: string,
        context: BuildContext,
    ): Promise<KnownCheckout> {
        const key = [origin, ref, commit].join("\0");
        const texts = await this.cache.throughIdentity("canvos checkout", key, isCheckoutTexts, async () => {
            const copy = await this.repositories.withCommit(origin, commit, context);
            return readCommit(this.git, copy, commit, ref);
        });
        return knownCommit({ origin, commit, repository: this.repositories.copyOf(origin) }, texts);
    }

    private hasEndedWell(inputHash: string): boolean {
        const state = stateOf(folderOf(this.settings.workDirectory, inputHash));
        return state.state === "ended" && state.code === 0;
    }

    private tools({ variables }: BuildPlan): BuildTools {
        const { docker, git, settings } = this;
        return {
            ...{ docker, git, settings, work: settings.workDirectory, secrets: settings.secrets },
            dockerConfig: () => this.dockerConfig(variables),
        };
    }

    /** In clear: credential helpers are not in CanvOS's containers. */
    private async dockerConfig(variables: Readonly<Record<string, string>>): Promise<string> {
        const auths: Record<string, { auth: string }> = {};
        for (const [server, { username, password }] of await this.loginsOf(variables))
            auths[server] = { auth: Buffer.from(`${username}:${password}`).toString("base64") };
        return JSON.stringify({ auths });
    }

    /** Only the logins that a build needs, by the names that Docker has for their servers. */
    private async loginsOf(variables: Readonly<Record<string, string>>): Promise<Map<string, Login>> {
        const logins = new Map<string, Login>();
        const { registry: own } = this.settings;
        const target = registryOf(variables.IMAGE_REGISTRY ?? "");
        for (const name of registriesOf(variables)) {
            const login = name === target && own ? own : await dockerLogin(name, this.host.env);
            if (login && "password" in login) logins.set(serverOf(name), login);
        }
        return logins;
    }
}

type Login = NonNullable<CanvosSettings["registry"]>;

/** A credential helper of Docker's, which has nothing in it. */
const LOGIN_HELPER = {
    name: "edge-os",
    variable: "DOCKER_EDGE_OS_LOGIN",
    script: '#!/bin/sh\ncat >/dev/null\nprintf %s "$DOCKER_EDGE_OS_LOGIN"\n',
} as const;

function credentials(server: string, { username, password }: Login): string {
    return JSON.stringify({ ServerURL: server, Username: username, Secret: password });
}

function serverOf(registry: string): string {
    return registry === "docker.io" ? "https://index.docker.io/v1/" : registry;
}

const IMAGE_VARIABLES = /^(IMAGE_REGISTRY|SPECTRO_.*(REPO|IMAGE)|.*_IMAGE|.*_IMG|.*IMAGE_URL)$/;

function registriesOf(variables: Readonly<Record<string, string>>): Set<string> {
    const named = Object.entries(variables)
        .filter(([name, value]) => IMAGE_VARIABLES.test(name) && value !== "")
        .flatMap(([, value]) => registryOf(value) ?? []);
    return new Set(["docker.io", ...named]);
}

function registryOf(reference: string): string | undefined {
    const [first = ""] = reference.split("/", 1);
    // `registry.example.com` alone is a registry in these variables, and would be an image elsewhere.
    if (!reference.includes("/") && /[.:]/.test(first)) return first;
    return parseReference(`oci://${reference}`)?.registry;
}
