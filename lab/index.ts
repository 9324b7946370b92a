import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import type { CanvosLab, CanvosLabOptions } from "./canvos/lab";
import type * as CanvosModule from "./canvos/lab";
import { CertificateAuthority } from "./certificates";
import { FURTHER_SYSTEMS, type FurtherSystem } from "./description";
import { EmfLab, type EmfLabOptions } from "./emf/lab";
import { LabFolder, writeAtomically } from "./folder";
import { serveDirectory } from "./images";
import type { ImsLab, ImsLabOptions } from "./ims/lab";
import type * as ImsModule from "./ims/lab";
import { PaletteLab, type PaletteLabOptions } from "./palette/lab";
import { listen, PortBook, type Listener } from "./server";

export type { CallCounts } from "./calls";
export type { CanvosLab, CanvosLabOptions } from "./canvos/lab";
export type { FurtherSystem, LabDescription } from "./description";
export type { ApiObject } from "./emf/client";
export type { Defect, DeviceSettings, DeviceState, Hardware } from "./emf/device";
export type { Device, EmfLab, EmfLabOptions } from "./emf/lab";
export type { ActiveFault, Fault } from "./faults";
export type { ImsLab, ImsLabOptions } from "./ims/lab";
export type { JobDefect } from "./ims/jobs/pod";
export type { AgentSettings } from "./palette/agent";
export type { PaletteBehaviour } from "./palette/behaviour";
export type { PaletteLab, PaletteLabOptions } from "./palette/lab";

/** What of the lab is started, and how it behaves. */
export interface LabOptions extends EmfLabOptions, ImsLabOptions, PaletteLabOptions, CanvosLabOptions {
    /**
     * The folder that keeps ports, keys, certificates and data. Without one a folder of its own is made, and removed
     * when the lab is closed.
     */
    dir?: string;
    /** Start the stand-in of EMF. Default true. */
    emf?: boolean;
    /** Start the stand-in of a Cray's Image Management Service. Default false: its jobs need root and several tools. */
    ims?: boolean;
    /** Start what CanvOS images are built with. Default false: it needs Docker and several tools. */
    canvos?: boolean;
    /** Start the HTTPS host of images. Default true. */
    images?: boolean;
    /** The directory whose files the HTTPS host serves. Default `<dir>/images`. */
    imagesDirectory?: string;
}

/** The HTTPS host of images. */
export interface ImagesLab {
    /** The directory it serves. */
    readonly directory: string;
    /** Where the directory appears: `https://127.0.0.1:<port>`. */
    readonly baseUrl: string;
    /** The certificate the server shows, PEM. */
    readonly certificate: string;
    /** Shows another certificate from the next connection on, as after a renewal. Returns it. */
    rotateCertificate(): Promise<string>;
}

/** A running lab. */
export interface Lab extends AsyncDisposable {
    /** The folder of the lab. */
    readonly dir: string;
    /** The certificate authority of all its servers, PEM. */
    readonly ca: string;
    readonly caFile: string;
    readonly emf: EmfLab;
    readonly ims: ImsLab;
    readonly palette: PaletteLab;
    readonly canvos: CanvosLab;
    readonly images: ImagesLab;
    /** Starts a stand-in that does not run yet. */
    start(system: FurtherSystem): Promise<void>;
    /** The stand-ins that run beside EMF's. */
    systems(): FurtherSystem[];
    /** Stops the servers and writes what is not yet written. */
    close(): Promise<void>;
}

/**
 * Starts the lab inside this process.
 *
 * ```ts
 * await using lab = await startLab();
 * lab.emf.fault({ on: "POST regions", after: "write", do: "reset", times: 1 });
 * ```
 */
export async function startLab(options: LabOptions = {}): Promise<Lab> {
    const temporary = options.dir === undefined;
    const folder = new LabFolder(options.dir ?? fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-lab-")));
    const closers: (() => Promise<void>)[] = [];
    if (temporary) {
        closers.push(() => fs.promises.rm(folder.path, { recursive: true, force: true }));
    }
    const close = async (): Promise<void> => {
        for (let closer = closers.pop(); closer; closer = closers.pop()) {
            await closer();
        }
    };
    try {
        const authority = await CertificateAuthority.open(folder.certificates);
        writeAtomically(folder.caFile, authority.certificate);
        const ports = new PortBook(folder.ports);
        let images: ImagesLab | undefined;
        if (options.images ?? true) {
            const { listener, lab } = await startImages(folder, authority, ports, options.imagesDirectory);
            images = lab;
            closers.push(() => listener.close());
        }
        let emf: EmfLab | undefined;
        if (options.emf ?? true) {
            const started = await EmfLab.start(folder, authority, ports, options);
            emf = started;
            closers.push(() => started.close());
        }
        let ims: ImsLab | undefined;
        let palette: PaletteLab | undefined;
        let canvos: CanvosLab | undefined;
        const starters: Record<FurtherSystem, () => Promise<void>> = {
            ims: async () => {
                // Loads an S3 client and server, which nothing else of the lab needs.
                // eslint-disable-next-line @typescript-eslint/no-require-imports -- import() is not what ts-node resolves
                const { ImsLab } = require("./ims/lab") as typeof ImsModule;
                const started = (ims = await ImsLab.start(folder, authority, ports, options));
                closers.push(() => started.close());
            },
            palette: async () => {
                const started = (palette = await PaletteLab.start(folder, authority, ports, options));
                closers.push(() => started.close());
            },
            canvos: async () => {
                // eslint-disable-next-line @typescript-eslint/no-require-imports -- import() is not what ts-node resolves
                const { CanvosLab } = require("./canvos/lab") as typeof CanvosModule;
                const started = (canvos = await CanvosLab.start(folder, ports, options));
                closers.push(() => started.close());
            },
        };
        const starting = new Map<FurtherSystem, Promise<void>>();
        const start = (system: FurtherSystem): Promise<void> => {
            const begun = starting.get(system) ?? starters[system]();
            starting.set(system, begun);
            // What could not start may be asked for again.
            return begun.catch((error: unknown) => {
                starting.delete(system);
                throw error;
            });
        };
        for (const system of FURTHER_SYSTEMS) {
            if (options[system]) await start(system);
        }
        return {
            dir: folder.path,
            ca: authority.certificate,
            caFile: folder.caFile,
            get emf() {
                return present(emf, "emf");
            },
            get ims() {
                return present(ims, "ims");
            },
            get palette() {
                return present(palette, "palette");
            },
            get canvos() {
                return present(canvos, "canvos");
            },
            get images() {
                return present(images, "images");
            },
            start,
            systems: () =>
                FURTHER_SYSTEMS.filter((system) => ({ ims, palette, canvos })[system] !== undefined),
            close,
            [Symbol.asyncDispose]: close,
        };
    } catch (error) {
        await close();
        throw error;
    }
}

async function startImages(
    folder: LabFolder,
    authority: CertificateAuthority,
    ports: PortBook,
    directory = folder.images,
): Promise<{ listener: Listener; lab: ImagesLab }> {
    fs.mkdirSync(directory, { recursive: true });
    let identity = await authority.server("images");
    const listener = await listen({ name: "images", ports, identity, handler: serveDirectory(directory) });
    return {
        listener,
        lab: {
            directory,
            baseUrl: listener.origin,
            get certificate() {
                return identity.certificate;
            },
            rotateCertificate: async () => {
                identity = await authority.renew("images");
                listener.useCertificate(identity);
                return identity.certificate;
            },
        },
    };
}

function present<T>(part: T | undefined, name: string): T {
    if (part === undefined) {
        throw new Error(`This lab was started without "${name}".`);
    }
    return part;
}
