import * as fs from "node:fs/promises";
import * as path from "node:path";
import { quote } from "../process/quote";
import { type BasePlan, type BaseSecret } from "./baseImage.plan";
import type { CanvosSettings } from "./settings";
import type { BuildFolder } from "./supervisor";

/** What of the settings the folders of base images ask for. */
export type BaseSettings = Pick<CanvosSettings, "ubuntuProKey" | "rhsm" | "suseRegistrationCode">;

/** Where each secret of a base image is set. */
const SETTINGS: Readonly<Record<BaseSecret, string>> = {
    "pro-attach-config": "ubuntuProKey",
    RHSM_USERNAME: "rhsmUsername",
    RHSM_PASSWORD: "rhsmPassword",
    "rhsm-credentials": "rhsmUsername and rhsmPassword",
    SUSE_REGCODE: "suseRegistrationCode",
};

/** Settings that a base image's build needs and that are not there. */
export function missingBaseSettings({ secrets }: BasePlan, settings: BaseSettings): string[] {
    const missing = secrets.filter((id) => secretText(id, settings) === undefined).map((id) => SETTINGS[id]);
    return [...new Set(missing)];
}

/** Writes the step that builds a base image and pushes it: Earthly takes base images from registries only. */
export async function prepareBase(
    { reference, context, dockerfile, text, buildArgs, platform, secrets }: BasePlan,
    { tree, home, base }: BuildFolder,
    settings: BaseSettings,
): Promise<void> {
    const file = path.join(tree, dockerfile);
    if (text !== undefined) await fs.writeFile(file, text);
    const mounts: string[] = [];
    const folder = path.join(home, "base-secrets");
    for (const id of secrets) {
        await fs.mkdir(folder, { recursive: true, mode: 0o700 });
        const own = path.join(path.dirname(file), `${id}.yaml`);
        const content = secretText(id, settings, await fs.readFile(own, "utf8").catch(() => undefined));
        await fs.writeFile(path.join(folder, id), content ?? "", { mode: 0o600 });
        mounts.push("--secret", `id=${id},src=${path.join(folder, id)}`);
    }
    const options = [
        ...(platform === undefined ? [] : ["--platform", platform]),
        ...Object.entries(buildArgs).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]),
        ...mounts,
    ];
    const build = ["docker", "build", "-t", reference, "-f", file, ...options, path.join(tree, context)];
    const lines = [
        "set -e",
        // Secrets are known to BuildKit only.
        ...(secrets.length > 0 ? ["export DOCKER_BUILDKIT=1"] : []),
        build.map(quote).join(" "),
        ["docker", "push", reference].map(quote).join(" "),
    ];
    await fs.writeFile(base, `${lines.join("\n")}\n`, { mode: 0o600 });
}

function secretText(id: BaseSecret, settings: BaseSettings, own?: string): string | undefined {
    const { ubuntuProKey, rhsm, suseRegistrationCode } = settings;
    switch (id) {
        case "RHSM_USERNAME":
            return rhsm?.username;
        case "RHSM_PASSWORD":
            return rhsm?.password;
        case "SUSE_REGCODE":
            return suseRegistrationCode;
        case "rhsm-credentials":
            return (
                rhsm &&
                `username: ${JSON.stringify(rhsm.username)}\npassword: ${JSON.stringify(rhsm.password)}\n`
            );
        case "pro-attach-config": {
            if (ubuntuProKey === undefined) return undefined;
            const token = `token: ${JSON.stringify(ubuntuProKey)}`;
            const template = own ?? "token:\nenable_services:\n  - fips-updates\n";
            return template.replace(/^token:.*$/m, () => token);
        }
    }
}
