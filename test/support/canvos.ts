import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { importBaseImages } from "../../lab/canvos/baseImages";
import type { DockerEngine } from "../../lab/canvos/dockerEngine";
import { CanvosRepository } from "../../lab/canvos/repository";
import { applianceImage } from "../../provider/canvos/applianceImage.handler";
import type { ApplianceInputs, ApplianceOutputs } from "../../provider/canvos/applianceImage.schema";
import { canvos } from "../../provider/canvos/system";
import type { Builder } from "../../provider/canvos/builder";
import { checkInputs } from "../../provider/resource/check";
import type { AnyResource } from "../../provider/resource/definition";
import { PartialFailure } from "../../provider/resource/errors";
import { testContext, testHost, type TestContext, type TestContextOptions } from "./context";
import { startDocker } from "./docker";
import { Registry } from "./registry";
import { needsTool } from "./tools";

/** A machine that builds: repository, Docker with base images, registry, and folders of its own. */
export class CanvosMachine {
    private constructor(
        readonly repository: CanvosRepository,
        readonly engine: DockerEngine,
        readonly registry: Registry,
        /** The program's folder. */
        readonly project: string,
        /** The provider's folder. */
        readonly work: string,
    ) {}

    static async start(test: Mocha.Context): Promise<CanvosMachine> {
        for (const tool of ["git", "xorriso", "mksquashfs", "busybox", "docker-registry"])
            needsTool(test, tool);
        const engine = await startDocker(test);
        const registry = await Registry.start();
        importBaseImages(engine, registry.name);
        const folder = (name: string): string => fs.mkdtempSync(path.join(os.tmpdir(), `edge-os-${name}-`));
        return new CanvosMachine(
            CanvosRepository.create(),
            engine,
            registry,
            folder("project"),
            folder("work"),
        );
    }

    async close(): Promise<void> {
        await this.engine.close();
        await this.registry.close();
        this.repository.close();
        for (const each of [this.project, this.work]) fs.rmSync(each, { recursive: true, force: true });
    }

    /** As a new run has it: nothing is remembered but what lies in folders. */
    context(
        options: Partial<TestContextOptions<Builder>> = {},
        leastDiskGb = "0",
        more: Readonly<Record<string, string>> = {},
    ): TestContext<Builder> {
        const env = {
            ...{
                PATH: process.env.PATH,
                HOME: this.project,
                EDGE_OS_CACHE_DIR: path.join(this.work, "cache"),
            },
            ...{ EDGE_OS_CANVOS_WORK_DIRECTORY: this.work, EDGE_OS_CANVOS_LEAST_DISK_GB: leastDiskGb },
            ...{ ...this.engine.env, ...more },
        };
        const sleep = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));
        const client = canvos.connect({}, testHost({ env, projectDir: this.project }));
        return testContext({
            client,
            env,
            projectDir: this.project,
            kind: "canvos.ApplianceImage",
            sleep,
            ...options,
        });
    }

    /** What a program gives for the smallest build. */
    given(changes: Record<string, unknown> = {}): Record<string, unknown> {
        const { arguments: more, ...rest } = changes;
        return {
            source: { git: this.repository.folder, ref: "v4.8.10" },
            arguments: {
                imageRegistry: this.registry.name,
                spectroPubRepo: this.registry.name,
                spectroThirdPartyImage: `${this.registry.name}/third-party/spectro-third-party:4.8`,
                osVersion: "24.04",
                k8sDistribution: "kubeadm",
                k8sVersion: "1.34.2",
                ...(more as object | undefined),
            },
            ...rest,
        };
    }

    async check(
        given: Record<string, unknown>,
        context = this.context(),
        last?: ApplianceInputs,
    ): Promise<{ inputs: ApplianceInputs; problems: string[] }> {
        const definition = applianceImage as unknown as AnyResource;
        const { inputs, problems } = await checkInputs(definition, given, last, context);
        return {
            inputs: inputs as unknown as ApplianceInputs,
            problems: problems.map(({ path: where, message }) => `${where.map(String).join(".")} ${message}`),
        };
    }

    /** Check and create, as an update does them. */
    async create(
        given: Record<string, unknown>,
        context = this.context(),
    ): Promise<{ id: string; inputs: ApplianceInputs; outputs: ApplianceOutputs }> {
        const { inputs, problems } = await this.check(given, context);
        if (problems.length > 0) throw new Error(problems.join("\n"));
        const made = await applianceImage.create(inputs, context);
        return { ...made, inputs };
    }

    /** Files that appear in the private checkout of the next build, as if they were part of the release. */
    wrong(...knobs: string[]): Record<string, unknown> {
        const file = path.join(this.project, "wrong");
        fs.writeFileSync(file, knobs.map((knob) => `${knob}\n`).join(""));
        return { files: { ".wrong": "wrong" } };
    }

    write(name: string, text: string, mode = 0o644): string {
        const file = path.join(this.project, name);
        fs.mkdirSync(path.dirname(file), { recursive: true });
        fs.writeFileSync(file, text, { mode });
        return file;
    }
}

export function isPartial(error: unknown): error is PartialFailure<ApplianceInputs, ApplianceOutputs> {
    return error instanceof PartialFailure;
}
