import { failed, type ImageCheck, passed } from "../check";
import { partOf, type Seen } from "./seen";

/** cloud-init is installed, runs at the first boot, and looks for the datasources. Ids begin with `prefix`. */
export function judgeCloudInit(prefix: string, seen: Seen, datasources: readonly string[]): ImageCheck[] {
    const id = `${prefix}.installed`;
    const part = partOf(seen, "cloudInit", id);
    if ("check" in part) return [part.check];
    const { installed, version, enabled, why, datasources: list } = part.value;
    if (!installed) {
        return [
            failed(
                id,
                "not installed",
                "cloud-init is not installed: the host gets no user data at its first boot",
            ),
        ];
    }
    const checks = [passed(id, version ?? "installed")];
    checks.push(
        enabled
            ? passed(`${prefix}.enabled`, "started at boot")
            : failed(
                  `${prefix}.enabled`,
                  why ?? "disabled",
                  `cloud-init is installed, but does not run: ${why ?? ""}`,
              ),
    );
    if (datasources.length === 0) return checks;
    const missing = list ? datasources.filter((name) => !list.includes(name)) : [];
    const shown = list ? list.join(", ") || "an empty list" : "cloud-init's own list";
    checks.push(
        missing.length === 0
            ? passed(`${prefix}.datasources`, shown)
            : failed(
                  `${prefix}.datasources`,
                  shown,
                  `cloud-init does not look for ${missing.join(", ")}: add it to datasource_list in /etc/cloud/cloud.cfg.d`,
              ),
    );
    return checks;
}
