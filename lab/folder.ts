import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";

/** Writes a file so that a reader, or a crash half-way, sees either the old or the new content. */
export function writeAtomically(file: string, content: string, mode = 0o644): void {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    const temporary = `${file}.${process.pid}.${crypto.randomBytes(3).toString("hex")}.tmp`;
    try {
        fs.writeFileSync(temporary, content, { mode });
        fs.renameSync(temporary, file);
    } catch (error) {
        fs.rmSync(temporary, { force: true });
        throw error;
    }
}

/** What a file of the lab folder holds, or undefined when it is not there. A damaged file is named. */
export function readJson(file: string): unknown {
    let text: string;
    try {
        text = fs.readFileSync(file, "utf8");
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") {
            return undefined;
        }
        throw error;
    }
    try {
        return JSON.parse(text) as unknown;
    } catch {
        throw new Error(
            `${file} is not valid JSON. It is written by the lab; remove it (or the whole lab folder) and start the lab again.`,
        );
    }
}

/** The text of a file, or undefined when it is not there. */
export function readText(file: string): string | undefined {
    try {
        return fs.readFileSync(file, "utf8");
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") {
            return undefined;
        }
        throw error;
    }
}

/** The secret kept in `file` (mode 0600), made on first use. */
export function keptSecret(file: string): string {
    const kept = readText(file)?.trim();
    if (kept) {
        return kept;
    }
    const secret = crypto.randomBytes(18).toString("base64url");
    writeAtomically(file, `${secret}\n`, 0o600);
    return secret;
}

/** The places of everything the lab keeps, so that stopping and starting it changes nothing for a stack. */
export class LabFolder {
    readonly path: string;

    constructor(folder: string) {
        this.path = path.resolve(folder);
        fs.mkdirSync(this.path, { recursive: true });
    }

    /** What a client needs to reach the lab; rewritten at every start. */
    get description(): string {
        return this.file("lab.json");
    }
    get password(): string {
        return this.file("emf-password");
    }
    get controlToken(): string {
        return this.file("control-token");
    }
    get caFile(): string {
        return this.file("ca.pem");
    }
    get signingKey(): string {
        return this.file("emf-signing-key.json");
    }
    get sessionSecret(): string {
        return this.file("emf-session-secret");
    }
    get emfData(): string {
        return this.file("emf-data.json");
    }
    get devices(): string {
        return this.file("devices.json");
    }
    /** Storage and job volumes of the Image Management Service. */
    get ims(): string {
        return this.file("ims");
    }
    get imsData(): string {
        return this.file("ims-data.json");
    }
    get imsClientSecret(): string {
        return this.file("ims-client-secret");
    }
    get imsPassword(): string {
        return this.file("ims-password");
    }
    get imsTokenSecret(): string {
        return this.file("ims-token-secret");
    }
    /** For the cluster that the Image Management Service runs in. */
    get kubeconfig(): string {
        return this.file("kubeconfig");
    }
    get kubernetesToken(): string {
        return this.file("kubernetes-token");
    }
    get paletteData(): string {
        return this.file("palette-data.json");
    }
    get paletteApiKey(): string {
        return this.file("palette-api-key");
    }
    /** Docker's data, the registry's, and all builds. */
    get canvos(): string {
        return this.file("canvos");
    }
    get ports(): string {
        return this.file("ports.json");
    }
    get process(): string {
        return this.file("process.json");
    }
    get log(): string {
        return this.file("lab.log");
    }
    get images(): string {
        return this.file("images");
    }
    get certificates(): string {
        return this.file("certificates");
    }
    get scratch(): string {
        return this.file("scratch");
    }

    private file(name: string): string {
        return path.join(this.path, name);
    }
}
