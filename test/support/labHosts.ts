import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as zlib from "node:zlib";
import { startLab, type Device, type Lab } from "../../lab";
import type { EmfClient } from "../../provider/emf/client";
import { edgeHost } from "../../provider/emf/edgeHost.handler";
import { ESP, ROOT, tinyImage } from "../unit/lab/tinyImage";
import { testContext, type TestContext, type TestContextOptions, type TestHost } from "./context";
import { labClient } from "./emf";
import { Row } from "./row";

/** A registered host, its machine, and how a gate calls it. */
export interface LabHost {
    row: Row;
    device: Device;
    gate: { label: string; hostId: string; instanceId: string };
}

/** A quick lab whose machines can install an image, and the rows of hosts in it. */
export class LabHosts implements AsyncDisposable {
    private constructor(
        readonly lab: Lab,
        readonly client: EmfClient,
        private readonly clock: TestHost,
        /** `os-…` of a profile with an image that boots. */
        readonly profile: string,
    ) {}

    static async start(): Promise<LabHosts> {
        const lab = await startLab({ speed: 50 });
        const { client, host: clock } = labClient(lab, {}, { sleep: () => sleep(5) });
        return new LabHosts(lab, client, clock, await installableProfile(lab));
    }

    async host(serial: string): Promise<LabHost> {
        const device = this.lab.emf.addDevice({ serial });
        const row = new Row(edgeHost);
        await row.up({ serial, osProfile: this.profile }, this.hostContext(serial));
        return { row, device, gate: this.gateOf(serial, row) };
    }

    gateOf(label: string, row: Row): LabHost["gate"] {
        const { hostId, instanceId } = row.state?.outputs as { hostId: string; instanceId: string };
        return { label, hostId, instanceId };
    }

    hostContext(serial: string): TestContext<EmfClient> {
        return testContext({
            client: this.client,
            kind: "emf.EdgeHost",
            name: serial,
            sleep: () => sleep(5),
        });
    }

    /** For a gate's verbs; its pauses take ten milliseconds, and age the client's lists as they should. */
    gateContext(options: Partial<TestContextOptions<EmfClient>> = {}): TestContext<EmfClient> {
        const { client } = this;
        const pass = (pause: number): Promise<void> => this.pass(pause);
        return testContext({ client, kind: "emf.ProvisioningGate", name: "wave-1", sleep: pass, ...options });
    }

    async pass(pause: number): Promise<void> {
        this.clock.advance(pause);
        await sleep(10);
    }

    async [Symbol.asyncDispose](): Promise<void> {
        await this.client.close();
        await this.lab.close();
    }
}

/** Publishes a tiny image in the lab, and makes a profile of it. */
export async function installableProfile(lab: Lab): Promise<string> {
    const image = zlib.gzipSync(tinyImage([ROOT, ESP]));
    fs.writeFileSync(path.join(lab.images.directory, "u.raw.gz"), image);
    const { resourceId } = await lab.emf.create("compute/os", {
        name: "ubuntu",
        imageUrl: `${lab.images.baseUrl}/u.raw.gz`,
        imageId: "24.04.1",
        sha256: crypto.createHash("sha256").update(image).digest("hex"),
        osType: "OS_TYPE_MUTABLE",
        osProvider: "OS_PROVIDER_KIND_INFRA",
        tlsCaCert: Buffer.from(lab.images.certificate).toString("base64"),
        securityFeature: "SECURITY_FEATURE_NONE",
    });
    return resourceId;
}

/** The message of a promise that must fail. */
export async function failureOf(promise: Promise<unknown>): Promise<string> {
    try {
        await promise;
    } catch (error) {
        return (error as Error).message;
    }
    throw new Error("did not fail");
}
