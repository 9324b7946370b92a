import { execFileSync } from "node:child_process";
import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { copyWithLibraries } from "./imageRoot";

/** What Debian installs packages with, and what that runs in its turn. */
const PROGRAMS = [
    ...["/usr/bin/apt-get", "/usr/bin/dpkg", "/usr/bin/dpkg-deb", "/usr/bin/dpkg-split"],
    ...["/usr/lib/apt/methods/file", "/usr/lib/apt/methods/store", "/usr/lib/apt/methods/copy"],
    ...["/bin/tar"],
];
/** Those it only wants to be there. */
const APPLETS = ["ldconfig", "start-stop-daemon", "diff"];
const FOLDERS = [
    ...["etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d", "etc/dpkg"],
    ...["var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/log/apt"],
    ...["var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "srv/packages"],
];

/** Adds apt and dpkg to a root file system, and a repository in it with packages that hold one file each. */
export function addApt(root: string, packages: readonly string[]): void {
    for (const folder of FOLDERS) fs.mkdirSync(path.join(root, folder), { recursive: true });
    for (const program of PROGRAMS) copyWithLibraries(program, root);
    for (const name of APPLETS) {
        const link = path.join(root, "bin", name);
        if (!fs.existsSync(link)) fs.symlinkSync("busybox", link);
    }
    fs.cpSync("/usr/share/dpkg", path.join(root, "usr/share/dpkg"), { recursive: true });
    const write = (file: string, content: string): void => fs.writeFileSync(path.join(root, file), content);
    write("var/lib/dpkg/status", "");
    write("etc/apt/apt.conf.d/00root", 'APT::Sandbox::User "root";\n');
    write("etc/apt/sources.list", "deb [trusted=yes] file:/srv/packages ./\n");
    const repository = path.join(root, "srv/packages");
    fs.writeFileSync(
        path.join(repository, "Packages"),
        packages.map((name) => build(name, repository)).join("\n"),
    );
}

/** Builds a package into a folder, and returns its part of the index. */
function build(name: string, repository: string): string {
    const control = [
        ...[`Package: ${name}`, "Version: 1.0", "Architecture: all"],
        ...["Maintainer: Nobody <nobody@example.com>", `Description: ${name} for tests`],
    ].join("\n");
    const folder = fs.mkdtempSync(path.join(repository, ".build-"));
    fs.mkdirSync(path.join(folder, "DEBIAN"));
    fs.mkdirSync(path.join(folder, "opt", name), { recursive: true });
    fs.chmodSync(folder, 0o755);
    fs.writeFileSync(path.join(folder, "DEBIAN/control"), `${control}\n`);
    // Shows whether it was told to ask nothing.
    fs.writeFileSync(
        path.join(folder, "DEBIAN/postinst"),
        `#!/bin/sh\necho "$DEBIAN_FRONTEND" > /opt/${name}/frontend\n`,
        { mode: 0o755 },
    );
    fs.writeFileSync(path.join(folder, "opt", name, "file"), `${name}\n`);
    const file = path.join(repository, `${name}.deb`);
    execFileSync("dpkg-deb", ["--root-owner-group", "-Zgzip", "--build", folder, file], { stdio: "ignore" });
    fs.rmSync(folder, { recursive: true });
    const content = fs.readFileSync(file);
    const sha256 = crypto.createHash("sha256").update(content).digest("hex");
    return `${control}\nFilename: ./${name}.deb\nSize: ${content.length}\nSHA256: ${sha256}\n`;
}
