import { EdgeError } from "../../resource/errors";
import { quote } from "../../process/quote";
import type { ImageRoot, ShellOptions } from "./imageRoot";
import type { Step } from "./schema";

type Regeneration = NonNullable<Step["regenerateInitrd"]>;

/** Makes the initrd anew for the image's kernel, with what the image has: IMS never does. */
export async function regenerateInitrd(
    regeneration: Regeneration,
    initrd: string,
    root: ImageRoot,
    options: ShellOptions,
): Promise<void> {
    const given = regeneration === true ? undefined : regeneration.kernelVersion;
    const version = quote(given ?? (await onlyKernel(root, options)));
    const file = quote(`/boot/${initrd}`);
    await root.shell(
        `if found=$(command -v dracut); then
    dracut --force --no-hostonly --kver ${version} ${file}
elif found=$(command -v mkinitramfs); then
    mkinitramfs -o ${file} ${version}
elif found=$(command -v mkinitrd); then
    mkinitrd -k /boot/vmlinuz-${version} -i ${file}
else
    echo "the image has none of dracut, mkinitramfs, mkinitrd" >&2
    exit 1
fi`,
        options,
    );
}

async function onlyKernel(root: ImageRoot, options: ShellOptions): Promise<string> {
    const { stdout } = await root.shell("ls /lib/modules", {
        ...options,
        title: `${options.title}: ls /lib/modules`,
    });
    const versions = stdout.split("\n").filter((line) => line !== "");
    const [version, ...others] = versions;
    if (version !== undefined && others.length === 0) return version;
    throw new EdgeError(
        `${options.title}: the image has ${version === undefined ? "no kernel" : `several kernels (${versions.join(", ")})`} ` +
            "in /lib/modules: say which with kernelVersion",
    );
}
