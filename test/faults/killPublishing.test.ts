import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as zlib from "node:zlib";
import { expect } from "chai";
import { goodImage } from "../unit/image/fixtures";
import { RegistryClient } from "../../provider/oci/client";
import { testHost } from "../support/context";
import { Registry } from "../support/registry";
import { S3_KEYS, S3Server } from "../support/s3";
import { needsTool } from "../support/tools";
import { VerbRunner, type VerbAnswer, type VerbCall } from "../support/verbs";

/** All kill points; without it a sample of each verb's. */
const ALL = process.env.EDGE_OS_ALL_FAULTS === "1";
const SAMPLE = 4;
const MIB = 1024 * 1024;
const KIND = "image.DiskImage";

type Side = "before" | "after";

interface KillPoint {
    call: number;
    side: Side;
    route: string;
}

/** A service that images are published to, and what is left in it. */
interface Service {
    publish: Record<string, unknown>;
    /** Called before and after each call; true breaks the connection. */
    watch(tap: ((side: Side, route: string) => boolean) | undefined): void;
    /** What can be seen there, without what is of one run: digests and rows. */
    seen(): Promise<string[]>;
    close(): Promise<void>;
}

async function bucket(): Promise<Service> {
    const server = await S3Server.start();
    return {
        publish: {
            s3: {
                bucket: "images",
                prefix: "edge",
                endpoint: server.endpoint,
                baseUrl: "https://images.example.com",
            },
        },
        watch(tap) {
            if (!tap) delete server.tap;
            else server.tap = (side, { route }) => (tap(side, route) ? "drop" : undefined);
        },
        seen: async () => [
            ...Object.keys(server.objects()).map(withoutDigits),
            ...server.uploads().map(({ key }) => `upload of ${withoutDigits(key)}`),
        ],
        close: () => server.close(),
    };
}

async function repository(): Promise<Service> {
    const registry = await Registry.start({ modern: true });
    const advice = { endpoint: "e", caFile: "f", credentials: "c" };
    const host = testHost({ env: { HOME: os.tmpdir() } });
    const client = new RegistryClient({ registry: registry.name, advice }, host);
    return {
        publish: { oci: { repository: `oci://${registry.name}/edge/ubuntu` } },
        watch(tap) {
            if (!tap) delete registry.tap;
            else
                registry.tap = (side, { method, path: at }) =>
                    tap(side, `${method} ${at}`) ? "drop" : undefined;
        },
        async seen() {
            const tags: string[] = [];
            for await (const tag of client.tags("edge/ubuntu")) tags.push(withoutDigits(tag));
            return tags;
        },
        async close() {
            await client.close();
            await registry.close();
        },
    };
}

function withoutDigits(name: string): string {
    return name.replace(/[0-9a-f]{16}/, "DIGEST").replace(/[0-9a-f]{12}-[0-9a-f]{8}/, "ROW");
}

const services: Record<string, { start: () => Promise<Service>; made: string[] }> = {
    "a bucket": {
        start: bucket,
        made: ["", ".ROW.claim.json", ".manifest.json", ".sha256"].map(
            (end) => `edge/disk-DIGEST.raw.gz${end}`,
        ),
    },
    "a registry": {
        start: repository,
        made: [
            "disk-DIGEST.raw.gz",
            "disk-DIGEST.raw.gz.manifest.json",
            "disk-DIGEST.raw.gz.sha256",
            "edge-os-claim-DIGEST-ROW",
        ],
    },
};

for (const [name, { start, made }] of Object.entries(services)) {
    describe(`${KIND} in ${name}, killed at an outgoing call and run again`, function () {
        this.timeout(ALL ? 1_200_000 : 240_000);
        let folder: string;
        let service: Service;
        let runner: VerbRunner;
        let news: Record<string, unknown>;
        /** Makes another image. */
        let renew: () => Promise<void>;

        before(async function () {
            if (name === "a registry") needsTool(this, "docker-registry");
            folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-kill-"));
            service = await start();
            const source = path.join(folder, "disk.raw.gz");
            // Large enough to be sent in parts, and of new content, since registries keep blobs that nothing names.
            renew = async () => {
                const image = Buffer.from(await goodImage());
                crypto.randomBytes(12 * MIB).copy(image, 48 * MIB);
                fs.writeFileSync(source, zlib.gzipSync(image, { level: 1 }));
            };
            news = { source, publish: { ...service.publish, onDelete: "remove" } };
            runner = new VerbRunner({
                env: {
                    ...{ EDGE_OS_CACHE_DIR: path.join(folder, "cache"), HOME: folder },
                    EDGE_OS_IMAGE_S3_ACCESS_KEY_ID: S3_KEYS.accessKeyId,
                    EDGE_OS_IMAGE_S3_SECRET_ACCESS_KEY: S3_KEYS.secretAccessKey,
                },
            });
        });
        after(async () => {
            await service.close();
            fs.rmSync(folder, { recursive: true });
        });

        const verb = async (call: Omit<VerbCall, "kind">): Promise<VerbAnswer> => {
            const answer = await runner.run({ kind: KIND, ...call });
            if (!answer) throw new Error("the process was killed");
            if (answer.error !== undefined) throw new Error(answer.error);
            return answer;
        };
        const create = async (): Promise<{ id: string; olds: Record<string, unknown> }> => {
            const { result } = await verb({ verb: "create", news });
            return { id: result?.id ?? "", olds: result?.outs ?? {} };
        };
        const seen = async (): Promise<string[]> => (await service.seen()).sort();

        it("arrives whole, once, and goes without a trace", async () => {
            await renew();
            await verb({ verb: "delete", ...(await create()) });
            for (const point of await killPoints({ kind: KIND, verb: "create", news })) {
                await renew();
                await killed(point, { kind: KIND, verb: "create", news });
                const row = await create();
                expect(await seen(), described(point)).to.deep.equal(made);
                await verb({ verb: "delete", ...row });
                expect(await seen(), described(point)).to.deep.equal([]);
            }
        });

        it("goes without a trace when its deletion is killed", async () => {
            const first = await create();
            for (const point of await killPoints({ kind: KIND, verb: "delete", ...first })) {
                const row = await create();
                await killed(point, { kind: KIND, verb: "delete", ...row });
                await verb({ verb: "delete", ...row });
                expect(await seen(), described(point)).to.deep.equal([]);
            }
        });

        /** Runs the verb once undisturbed, and tells where it could have died. */
        async function killPoints(call: VerbCall): Promise<KillPoint[]> {
            const points: KillPoint[] = [];
            let calls = 0;
            if (call.verb === "create") await renew();
            service.watch((side, route) => {
                if (side === "before") calls += 1;
                const isWrite = !/^(GET|HEAD) /.test(route);
                if (isWrite) points.push({ call: calls, side, route });
                return false;
            });
            const answer = await runner.run(call);
            service.watch(undefined);
            if (!answer || answer.error !== undefined) throw new Error(answer?.error ?? "killed");
            if (call.verb === "create") {
                const { id = "", outs: olds = {} } = answer.result ?? {};
                await verb({ verb: "delete", id, olds });
            }
            expect(points).not.to.deep.equal([]);
            const step = ALL ? 1 : Math.max(1, points.length / SAMPLE);
            return points.filter((_, i) => Math.floor(i / step) !== Math.floor((i - 1) / step));
        }

        async function killed(point: KillPoint, call: VerbCall): Promise<void> {
            let calls = 0;
            service.watch((side) => {
                if (side === "before") calls += 1;
                if (side !== point.side || calls !== point.call) return false;
                runner.kill();
                return true;
            });
            const answer = await runner.run(call);
            service.watch(undefined);
            expect(answer, `${described(point)}: the verb ended before it could be killed`).to.equal(
                undefined,
            );
        }
    });
}

function described({ call, side, route }: KillPoint): string {
    return `killed ${side} call ${call}, ${route}`;
}
