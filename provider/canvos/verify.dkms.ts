import { failed, type ImageCheck, passed } from "../image/check";
import type { Seen } from "../image/judge/seen";
import { modulesFolder } from "../image/root/kernels";
import type { ImageTree } from "../image/root/tree";

const SOURCES = "/var/lib/dkms";
/** Folders of `dkms install`, by distribution. */
const INSTALLED = ["updates/dkms", "updates", "extra", "weak-updates"] as const;

/**
 * Kernel modules that are built for the kernel of their host: built and installed for the kernel that the image starts.
 * Those that were asked for must be; of all others that are registered it is a warning.
 */
export async function judgeDkms(
    tree: ImageTree,
    { root }: Seen,
    asked: readonly string[],
): Promise<ImageCheck[]> {
    const kernel = root?.contents.kernels?.filter(({ modules }) => modules > 0).at(-1)?.version;
    const registered = (await tree.list(SOURCES)).filter((name) => name !== "dkms_dbversion");
    const checks: ImageCheck[] = [];
    for (const module of new Set([...asked, ...registered])) {
        const id = `provider.dkms.${module}`;
        const check =
            kernel === undefined
                ? failed(id, "no kernel", "there is no kernel with modules in the image")
                : await judgeModule(id, module, kernel, tree);
        const isWarning = check.verdict === "failed" && !asked.includes(module);
        checks.push(isWarning ? { ...check, severity: "warning" } : check);
    }
    return checks;
}

async function judgeModule(id: string, module: string, kernel: string, tree: ImageTree): Promise<ImageCheck> {
    const built = await builtFor(module, tree);
    if (built.size === 0) {
        return failed(
            id,
            "not built",
            `DKMS has built ${module} for no kernel: the build's log says why (make.log)`,
        );
    }
    const files = built.get(kernel);
    if (!files) {
        const seen = `built for ${[...built.keys()].join(", ")}`;
        return failed(
            id,
            seen,
            `${module} is ${seen}, and the image starts ${kernel}: it would not be there`,
        );
    }
    const absent: string[] = [];
    for (const file of files) if (!(await isInstalled(file, kernel, tree))) absent.push(file);
    return absent.length === 0
        ? passed(id, `${files.length} ${files.length === 1 ? "module" : "modules"} for ${kernel}`)
        : failed(
              id,
              `built for ${kernel}`,
              `${module} is built for ${kernel} and not installed: ${absent.slice(0, 5).join(", ")}`,
          );
}

/** `/var/lib/dkms/<module>/<version>/<kernel>/<arch>/module/*.ko`, by kernel. */
async function builtFor(module: string, tree: ImageTree): Promise<Map<string, string[]>> {
    const built = new Map<string, string[]>();
    for (const version of await tree.list(`${SOURCES}/${module}`)) {
        for (const kernel of await tree.list(`${SOURCES}/${module}/${version}`)) {
            for (const arch of await tree.list(`${SOURCES}/${module}/${version}/${kernel}`)) {
                const files = await tree.list(`${SOURCES}/${module}/${version}/${kernel}/${arch}/module`);
                if (files.length > 0) built.set(kernel, files);
            }
        }
    }
    return built;
}

/** DKMS packs modules as the distribution does, also where it keeps its own copy unpacked. */
async function isInstalled(file: string, kernel: string, tree: ImageTree): Promise<boolean> {
    const name = file.replace(/\.(?:xz|zst|gz)$/, "");
    const folder = `${await modulesFolder(tree)}/${kernel}`;
    for (const place of INSTALLED) {
        for (const suffix of ["", ".zst", ".xz", ".gz"]) {
            if (await tree.exists(`${folder}/${place}/${name}${suffix}`)) return true;
        }
    }
    return false;
}
