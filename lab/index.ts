import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { CertificateAuthority } from "./certificates";
import { EmfLab, type EmfLabOptions } from "./emf/lab";
import { LabFolder, writeAtomically } from "./folder";
import { serveDirectory } from "./images";
import type { ImsLab, ImsLabOptions } from "./ims/lab";
import type * as ImsModule from "./ims/lab";
import { PaletteLab, type PaletteLabOptions } from "./palette/lab";
import { listen, PortBook, type Listener } from "./server";

export type { CallCounts } from "./calls";
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
export interface LabOptions extends EmfLabOptions, ImsLabOptions, PaletteLabOptions {
    /**
     * The folder that keeps ports, keys, certificates and data. Without one a folder of its own is made, and removed
     * when the lab is closed.
     */
    dir?: string;
    /** Start the stand-in of EMF. Default true. */
    emf?: boolean;
    /** Start the stand-in of a Cray's Image Management Service. Default false: its jobs need root and several tools. */
    ims?: boolean;
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
    readonly images: ImagesLab;
    /** Stops the servers and writes what is not yet written. */
    close(): Promise<void>;
}

/** What a client needs to reach the lab: `lab.json` in its folder. The password is in a file of its own. */
export interface LabDescription {
    emf: { endpoint: string; keycloak: string; project: string; username: string; caFile: string };
    images: { directory: string; baseUrl: string };
    /** The endpoint the lab's own command line talks to; its token is in a file of its own. */
    control?: { endpoint: string };
}

/** Writes where the lab is reached into its folder. */
export function describeLab({ emf, images }: Lab, folder: LabFolder, controlEndpoint?: string): void {
    const { endpoint, keycloak, project, username, caFile } = emf;
    const description: LabDescription = {
        emf: { endpoint, keycloak, project, username, caFile },
        images: { directory: images.directory, baseUrl: images.baseUrl },
        ...(controlEndpoint === undefined ? {} : { control: { endpoint: controlEndpoint } }),
    };
    writeAtomically(folder.description, `${JSON.stringify(description, undefined, 4)}\n`);
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
        if (options.ims) {
            // Loads an S3 client and server, which nothing else of the lab needs.
            // eslint-disable-next-line @typescript-eslint/no-require-imports -- import() is not what ts-node resolves
            const { ImsLab } = require("./ims/lab") as typeof ImsModule;
            const started = await ImsLab.start(folder, authority, ports, options);
            ims = started;
            closers.push(() => started.close());
        }
        let palette: PaletteLab | undefined;
        if (options.palette) {
            const started = await PaletteLab.start(folder, authority, ports, options);
            palette = started;
            closers.push(() => started.close());
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
            get images() {
                return present(images, "images");
            },
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
