import { execFileSync } from "node:child_process";
import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { addApplets, copyWithLibraries } from "./smallRoot";

/** A package of the repository in an image root. */
export interface LocalPackage {
    readonly name: string;
    readonly description: string;
    /** Default: 1.0. */
    readonly version?: string;
    /** Default: all. */
    readonly architecture?: string;
    readonly depends?: readonly string[];
    /** By their paths in the image. */
    readonly files: Readonly<Record<string, string | Buffer>>;
    /** Those of them that can be run. */
    readonly programs?: readonly string[];
    /** Run by its installation. */
    readonly postinst?: string;
}

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

/** Adds this machine's apt and dpkg to a root file system, and a repository in it. */
export function addApt(root: string, packages: readonly LocalPackage[]): void {
    for (const folder of FOLDERS) fs.mkdirSync(path.join(root, folder), { recursive: true });
    for (const program of PROGRAMS) copyWithLibraries(program, root);
    addApplets(root, APPLETS);
    fs.cpSync("/usr/share/dpkg", path.join(root, "usr/share/dpkg"), { recursive: true });
    const write = (file: string, content: string): void => fs.writeFileSync(path.join(root, file), content);
    write("var/lib/dpkg/status", "");
    write("etc/apt/apt.conf.d/00root", 'APT::Sandbox::User "root";\n');
    write("etc/apt/sources.list", "deb [trusted=yes] file:/srv/packages ./\n");
    buildRepository(path.join(root, "srv/packages"), packages);
}

/** Builds packages into a folder, with the index that apt reads. */
export function buildRepository(folder: string, packages: readonly LocalPackage[]): void {
    const index = packages.map((one) => buildPackage(one, folder));
    fs.writeFileSync(path.join(folder, "Packages"), index.join("\n"));
}

/** Builds a package into a folder, and returns its part of the index. */
export function buildPackage(
    {
        name,
        description,
        files,
        postinst,
        version = "1.0",
        architecture = "all",
        depends = [],
        programs = [],
    }: LocalPackage,
    repository: string,
): string {
    const control = [
        ...[`Package: ${name}`, `Version: ${version}`, `Architecture: ${architecture}`],
        ...(depends.length > 0 ? [`Depends: ${depends.join(", ")}`] : []),
        ...["Maintainer: Nobody <nobody@example.com>", `Description: ${description}`],
    ].join("\n");
    const folder = fs.mkdtempSync(path.join(repository, ".build-"));
    fs.chmodSync(folder, 0o755);
    const write = (file: string, content: string | Buffer, mode = 0o644): void => {
        fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
        fs.writeFileSync(path.join(folder, file), content, { mode });
    };
    write("DEBIAN/control", `${control}\n`);
    if (postinst !== undefined) write("DEBIAN/postinst", postinst, 0o755);
    for (const [file, content] of Object.entries(files))
        write(file, content, programs.includes(file) ? 0o755 : 0o644);
    const packed = path.join(repository, `${name}.deb`);
    execFileSync("dpkg-deb", ["--root-owner-group", "-Zgzip", "--build", folder, packed], {
        stdio: "ignore",
    });
    fs.rmSync(folder, { recursive: true });
    const content = fs.readFileSync(packed);
    const sha256 = crypto.createHash("sha256").update(content).digest("hex");
    return `${control}\nFilename: ./${name}.deb\nSize: ${content.length}\nSHA256: ${sha256}\n`;
}
