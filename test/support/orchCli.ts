import * as https from "node:https";
import type { ApiObject, EmfLab } from "../../lab";

/** A row of a CSV of hosts: what differs between its rows. */
export interface CsvHost {
    serial: string;
    uuid: string;
}

/** What all rows of the CSV say. */
export interface CsvCells {
    osProfile: string;
    site: string;
    remoteUser: string;
    cloudInit: string;
    metadata: Record<string, string>;
}

/**
 * Makes the calls of `orch-cli create host --import-from-csv`, as they were logged with the real command: every name
 * is looked up once, then three calls a host, one after the other on one connection. The real command also asks
 * Keycloak for a token before each call, which is left out here.
 */
export class OrchCli implements Disposable {
    private readonly agent: https.Agent;

    private constructor(
        private readonly lab: EmfLab,
        private readonly token: string,
    ) {
        this.agent = new https.Agent({ keepAlive: true, maxSockets: 1, ca: lab.ca });
    }

    static async login(lab: EmfLab): Promise<OrchCli> {
        const roles = ["im-r", "im-rw"].map((role) => `${lab.projectUid}_${role}`);
        return new OrchCli(lab, await lab.issuer.mint({ roles, expiresIn: 3600 }));
    }

    async importHosts(hosts: readonly CsvHost[], cells: CsvCells): Promise<void> {
        for (let i = 0; i < 2; i++) await this.call("GET", "");
        const profile = await this.lookUp("compute/os", "OperatingSystemResources", "name", cells.osProfile);
        const site = exactly(
            list(await this.call("GET", "/regions/region/sites"), "sites"),
            "name",
            cells.site,
        );
        const account = await this.lookUp("localAccounts", "localAccounts", "username", cells.remoteUser);
        const config = await this.lookUp("customConfigs", "customConfigs", "name", cells.cloudInit);
        for (const { serial, uuid } of hosts) {
            const { resourceId: hostId } = await this.call("POST", "/compute/hosts/register", {
                name: "",
                serialNumber: serial,
                uuid,
                autoOnboard: true,
            });
            await this.call("POST", "/compute/instances", {
                hostID: hostId,
                osID: profile.resourceId,
                localAccountID: account.resourceId,
                securityFeature: "SECURITY_FEATURE_NONE",
                kind: "INSTANCE_KIND_UNSPECIFIED",
                customConfigID: [config.resourceId],
            });
            const metadata = Object.entries(cells.metadata).map(([key, value]) => ({ key, value }));
            await this.call("PATCH", `/compute/hosts/${hostId}`, {
                name: hostId,
                siteId: site.resourceId,
                metadata,
            });
        }
    }

    [Symbol.dispose](): void {
        this.agent.destroy();
    }

    private async lookUp(path: string, key: string, field: string, name: string): Promise<ApiObject> {
        const filter = encodeURIComponent(`${field}='${name}' OR resourceId='${name}'`);
        return exactly(list(await this.call("GET", `/${path}?filter=${filter}`), key), field, name);
    }

    private call(method: string, path: string, body?: object): Promise<ApiObject> {
        const url = `${this.lab.endpoint}/v1/projects/${this.lab.project}${path}`;
        const headers = { authorization: `Bearer ${this.token}`, "content-type": "application/json" };
        return new Promise((resolve, reject) => {
            const request = https.request(url, { method, headers, agent: this.agent }, (response) => {
                const chunks: Buffer[] = [];
                response.on("data", (chunk: Buffer) => chunks.push(chunk));
                response.on("error", reject);
                response.on("end", () => {
                    const text = Buffer.concat(chunks).toString("utf8");
                    if (response.statusCode === 200) resolve(JSON.parse(text) as ApiObject);
                    else reject(new Error(`${method} ${path}: ${response.statusCode ?? 0} ${text}`));
                });
            });
            request.on("error", reject);
            request.end(body === undefined ? undefined : JSON.stringify(body));
        });
    }
}

function list(answer: ApiObject, key: string): ApiObject[] {
    return answer[key] as ApiObject[];
}

function exactly(objects: readonly ApiObject[], field: string, value: string): ApiObject {
    const found = objects.find((object) => object[field] === value);
    if (!found) throw new Error(`there is no ${field} ${value}`);
    return found;
}
