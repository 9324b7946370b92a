import { existsSync } from "node:fs";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { tool } from "./tool";

/** The volume that the containers of a job share, in a folder of its own. */
export class Workspace {
    constructor(readonly folder: string) {}

    /** What the job's processes see as `/mnt`. */
    get mount(): string {
        return path.join(this.folder, "mnt");
    }

    get imageRoot(): string {
        return path.join(this.mount, "image/image-root");
    }

    /** A file beside the image root: the flags of a session without a jail, the packed image. */
    beside(name: string): string {
        return path.join(this.mount, "image", name);
    }

    /** A file that a machine boots with. */
    boot(name: string): string {
        return path.join(this.imageRoot, "boot", name);
    }

    /** A file of the SSH server. */
    ssh(name: string): string {
        return path.join(this.folder, "ssh", name);
    }

    async unpack(rootfs: Buffer, signal: AbortSignal): Promise<void> {
        await fs.rm(this.mount, { recursive: true, force: true });
        // sshd locks nobody into a folder that others could change.
        await fs.mkdir(this.beside(""), { recursive: true, mode: 0o755 });
        const packed = this.beside("image.sqsh");
        await fs.writeFile(packed, rootfs);
        await tool("unsquashfs", ["-no-progress", "-f", "-d", this.imageRoot, packed], signal);
        await fs.rm(packed);
        await fs.chmod(this.imageRoot, 0o755);
    }

    async unpackRecipe(archive: Buffer, signal: AbortSignal): Promise<void> {
        await fs.rm(this.mount, { recursive: true, force: true });
        await fs.mkdir(this.recipe, { recursive: true, mode: 0o755 });
        const packed = this.beside("recipe.tar.gz");
        await fs.writeFile(packed, archive);
        await tool("tar", ["-xzf", packed, "-C", this.recipe], signal);
        await fs.rm(packed);
    }

    /** Makes the recipe's folder `root` the image root. Returns whether there is one. */
    async takeRecipeRoot(): Promise<boolean> {
        const root = path.join(this.recipe, "root");
        const isThere = await fs.stat(root).then(
            (stat) => stat.isDirectory(),
            () => false,
        );
        if (isThere) await fs.rename(root, this.imageRoot);
        return isThere;
    }

    /** Puts the site's CA where programs of the image look for it. */
    async trust(certificate: string): Promise<void> {
        const folder = path.join(this.imageRoot, "etc/cray/ca");
        await fs.mkdir(folder, { recursive: true });
        await fs.writeFile(path.join(folder, "certificate_authority.crt"), certificate);
    }

    /** What the job puts into the image root before anybody may enter it. */
    async prepare(certificate: string): Promise<void> {
        await this.trust(certificate);
        await fs.mkdir(path.join(this.imageRoot, "tmp"), { recursive: true, mode: 0o1777 });
        await moveIfThere(this.resolver, this.hiddenResolver);
        await fs.copyFile("/etc/resolv.conf", this.resolver).catch(() => fs.writeFile(this.resolver, ""));
    }

    /** The image's own resolver comes back: changes to it in the session are lost. */
    async restore(): Promise<void> {
        await fs.rm(this.resolver, { force: true });
        await moveIfThere(this.hiddenResolver, this.resolver);
    }

    async pack(name: string, signal: AbortSignal): Promise<string> {
        const packed = this.beside(`${name}.sqsh`);
        await tool("mksquashfs", [this.imageRoot, packed, "-no-progress", "-noappend"], signal);
        return packed;
    }

    /** Whether the user has ended the session, in whichever place the flag belongs. */
    hasFlag(): boolean {
        const places = [this.beside(""), path.join(this.imageRoot, "tmp")];
        return places.some((place) =>
            ["complete", "failed"].some((flag) => existsSync(path.join(place, flag))),
        );
    }

    async remove(): Promise<void> {
        await fs.rm(this.folder, { recursive: true, force: true });
    }

    private get recipe(): string {
        return this.beside("recipe");
    }

    private get resolver(): string {
        return path.join(this.imageRoot, "etc/resolv.conf");
    }

    private get hiddenResolver(): string {
        return path.join(this.imageRoot, "tmp/resolv.conf");
    }
}

async function moveIfThere(from: string, to: string): Promise<void> {
    try {
        await fs.rename(from, to);
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
}

/** Whether a path is a regular file, links followed as in the job's container. */
export async function isFile(file: string): Promise<boolean> {
    return fs.stat(file).then(
        (stat) => stat.isFile(),
        () => false,
    );
}
