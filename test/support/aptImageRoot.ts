import { addApt as addPackages } from "../../lab/ims/baseImage/apt";

/** Adds apt and dpkg to a root file system, and a repository in it with packages that hold one file each. */
export function addApt(root: string, packages: readonly string[]): void {
    addPackages(
        root,
        packages.map((name) => ({
            ...{ name, description: `${name} for tests`, files: { [`opt/${name}/file`]: `${name}\n` } },
            // Shows whether it was told to ask nothing.
            postinst: `#!/bin/sh\necho "$DEBIAN_FRONTEND" > /opt/${name}/frontend\n`,
        })),
    );
}
