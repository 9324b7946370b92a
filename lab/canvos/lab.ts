import * as fs from "node:fs";
import * as path from "node:path";
import type { LabFolder } from "../folder";
import type { PortBook } from "../server";
import { baseImages, importBaseImages } from "./baseImages";
import { debianKernel, debianPackage } from "./debianPackages";
import { DockerEngine } from "./dockerEngine";
import { DOCA_FILE, writeFirmware } from "./firmware";
import { ACTIVE, liveScript } from "./liveSystem";
import { assertImagesCanBeBuilt } from "./needs";
import { ramDisk } from "./ramDisk";
import { RegistryServer } from "./registryServer";
import { CanvosRepository } from "./repository";
import { addPackaging } from "./systemImage";

const REGISTRY = "canvos-registry";
/** Units that an appliance runs when it is up. */
const SERVICES = ["kairos-agent.service", "kairos-installer.service", "lldpd.service"];

/** How what CanvOS needs is started. */
export interface CanvosLabOptions {
    /** Folder that keeps downloaded packages of Debian. Default: in the lab's. */
    debianPackages?: string;
}

/** Everything that appliance images are built with: a Docker engine, a registry, a CanvOS-like repository, firmware. */
export class CanvosLab {
    private constructor(
        /** The machine's own where it has one, else a private one. */
        readonly engine: DockerEngine,
        private readonly server: RegistryServer,
        /** A git repository of CanvOS's layout, and with its contract: the stand-in of CanvOS. */
        readonly repository: CanvosRepository,
        private readonly folder: string,
    ) {}

    static async start(
        { canvos: folder }: Pick<LabFolder, "canvos">,
        ports: PortBook,
        { debianPackages = path.join(folder, "packages") }: CanvosLabOptions = {},
    ): Promise<CanvosLab> {
        assertImagesCanBeBuilt();
        const repository = bootableRepository(path.join(folder, "CanvOS"), debianPackages);
        const firmware = path.join(folder, "firmware");
        if (!fs.existsSync(path.join(firmware, DOCA_FILE))) writeFirmware(firmware);
        const server = await startRegistry(path.join(folder, "registry"), ports);
        let engine: DockerEngine | undefined;
        try {
            engine = await startEngine(path.join(folder, "docker"));
            const lab = new CanvosLab(engine, server, repository, folder);
            const needed = baseImages(lab.registry);
            if (!needed.every((reference) => lab.engine.hasImage(reference))) {
                importBaseImages(engine, lab.registry, addPackaging);
                // Where a private registry has what CanvOS pulls.
                for (const reference of needed) engine.run("push", "-q", reference);
            }
            return lab;
        } catch (error) {
            await engine?.close();
            await server.close();
            throw error;
        }
    }

    /** Host and port, as references of images name it. */
    get registry(): string {
        return `127.0.0.1:${this.server.port}`;
    }

    /** Where its registry is: `http://127.0.0.1:<port>`. */
    get endpoint(): string {
        return `http://${this.registry}`;
    }

    /** Folder of the stand-ins for NVIDIA's firmware. */
    get firmware(): string {
        return path.join(this.folder, "firmware");
    }

    /** What the provider needs to know, as `edge-os:canvos`. */
    get settings(): Record<string, string> {
        const { DOCKER_HOST: dockerHost } = this.engine.env;
        return {
            workDirectory: path.join(this.folder, "work"),
            ...(dockerHost === undefined ? {} : { dockerHost }),
        };
    }

    /** What is not left on the machine's own engine when the lab is gone. */
    async close(): Promise<void> {
        if (!this.engine.isPrivate) this.engine.removeImages(baseImages(this.registry));
        await this.engine.close();
        await this.server.close();
    }
}

async function startEngine(folder: string): Promise<DockerEngine> {
    const own = DockerEngine.ofMachine();
    if (own) return own;
    if (process.getuid?.() === 0) return DockerEngine.start(folder);
    throw new Error(
        "The lab's CanvOS builds real images, for which a Docker engine must answer (docker version), or it must run as root, " +
            "which can start one of its own (Debian package docker.io).",
    );
}

async function startRegistry(folder: string, ports: PortBook): Promise<RegistryServer> {
    const kept = ports.get(REGISTRY);
    try {
        const server = await RegistryServer.start({ folder, ...(kept === undefined ? {} : { port: kept }) });
        if (kept === undefined) ports.set(REGISTRY, server.port);
        return server;
    } catch (error) {
        const isTaken = kept !== undefined && String(error).includes("address already in use");
        throw isTaken ? ports.taken(REGISTRY, kept) : error;
    }
}

/** Its ISO boots: a Debian kernel, and busybox as what Kairos shows. */
function bootableRepository(folder: string, cache: string): CanvosRepository {
    const busybox = fs.readFileSync(path.join(debianPackage(cache, "busybox-static"), "bin/busybox"));
    const services = Object.fromEntries(SERVICES.map((unit) => [unit, ACTIVE]));
    const initrd = path.join(cache, "initrd");
    fs.writeFileSync(initrd, ramDisk(busybox, liveScript({ services, mst: 1 })));
    return CanvosRepository.create(folder, { "hack/kernel": debianKernel(cache), "hack/initrd": initrd });
}
