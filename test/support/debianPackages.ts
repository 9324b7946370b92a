import * as path from "node:path";
import * as packages from "../../lab/canvos/debianPackages";
import { needsTool, skipBecause } from "./tools";

/** Survives test runs. */
export const DEBIAN_CACHE = path.join(__dirname, "../../node_modules/.cache/edge-os-debian");

/**
 * The files of a Debian package, unpacked and not installed: what Debian's own builders have signed and compiled is
 * a better judge than anything a test could make. Without apt the test is skipped, and in CI it fails.
 */
export function debianPackage(test: Mocha.Context, name: string): string {
    return orSkip(test, () => packages.debianPackage(DEBIAN_CACHE, name));
}

/** Debian's small kernel for virtual machines, signed by Debian: `vmlinuz`, full path. */
export function debianKernel(test: Mocha.Context): string {
    return orSkip(test, () => packages.debianKernel(DEBIAN_CACHE));
}

function orSkip(test: Mocha.Context, find: () => string): string {
    for (const tool of ["apt-get", "apt-cache", "dpkg-deb"]) needsTool(test, tool);
    try {
        return find();
    } catch (error) {
        if (!(error instanceof packages.PackageUnavailable) || process.env.CI) throw error;
        return skipBecause(test, error.message);
    }
}
