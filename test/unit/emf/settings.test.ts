import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as tls from "node:tls";
import { expect } from "chai";
import { EdgeError, UnavailableHere } from "../../../provider/resource/errors";
import { readEmfSettings, type EmfSettings } from "../../../provider/emf/settings";
import { testHost } from "../../support/context";

const COMPLETE = {
    endpoint: "https://api.example.com/",
    project: "stores",
    username: "ops",
    password: "hunter2",
};

interface Given {
    emf?: unknown;
    connections?: unknown;
    env?: Record<string, string>;
    connection?: string;
    project?: string;
    projectDir?: string;
}

function read({ emf, connections, env, connection, project, projectDir }: Given): EmfSettings {
    const config = { "edge-os:emf": emf, "edge-os:connections": connections };
    const host = testHost({ config, ...(env ? { env } : {}), ...(projectDir ? { projectDir } : {}) });
    return readEmfSettings({ connection, project }, host);
}

function problems(given: Given): Error {
    try {
        read(given);
    } catch (error) {
        return error as Error;
    }
    throw new Error("was accepted");
}

describe("EMF settings", () => {
    it("come from the configuration, with Keycloak derived as orch-cli does", () => {
        expect(read({ emf: COMPLETE })).to.deep.include({
            endpoint: "https://api.example.com",
            project: "stores",
            credentials: {
                username: "ops",
                password: "hunter2",
                keycloak: "https://keycloak.example.com/realms/master",
                clientId: "system-client",
            },
        });
    });

    it("look kernels up in Ubuntu's archive unless another index is named", () => {
        expect(read({ emf: COMPLETE }).kernelIndexUrl).to.match(/^https:.*binary_name=\{package\}/);
        const mirror = "http://mirror.local/{package}";
        expect(read({ emf: { ...COMPLETE, kernelIndexUrl: mirror } }).kernelIndexUrl).to.equal(mirror);
        expect(problems({ emf: { ...COMPLETE, kernelIndexUrl: "mirror.local" } }).message).to.contain(
            'kernelIndexUrl "mirror.local" must be an http or https address',
        );
    });

    it("come from the environment first: refresh and destroy run with frozen configuration", () => {
        const env = {
            EDGE_OS_EMF_ENDPOINT: "https://api.other.com:8443",
            EDGE_OS_EMF_PROJECT: "other",
            EDGE_OS_EMF_USERNAME: "ci",
            EDGE_OS_EMF_PASSWORD: "rotated",
            EDGE_OS_EMF_CLIENT_ID: "client",
        };
        expect(read({ emf: COMPLETE, env })).to.deep.include({
            endpoint: "https://api.other.com:8443",
            project: "other",
            credentials: {
                username: "ci",
                password: "rotated",
                keycloak: "https://keycloak.other.com:8443/realms/master",
                clientId: "client",
            },
        });
        expect(read({ emf: COMPLETE, project: "given" }).project).to.equal("given");
    });

    it("prefer a ready token, but not an older one over a password from the environment", () => {
        expect(read({ emf: { ...COMPLETE, token: "t" } }).credentials).to.deep.equal({ token: "t" });
        const env = { EDGE_OS_EMF_PASSWORD: "rotated" };
        expect(read({ emf: { ...COMPLETE, token: "t" }, env }).credentials).to.include({
            password: "rotated",
        });
        expect(read({ emf: COMPLETE, env: { EDGE_OS_EMF_TOKEN: "t" } }).credentials).to.deep.equal({
            token: "t",
        });
    });

    it("of a named connection have their own block and variables", () => {
        const connections = { "plant-2": { emf: COMPLETE } };
        const env = { EDGE_OS_PLANT_2_EMF_PASSWORD: "other", EDGE_OS_EMF_PROJECT: "not-this" };
        const settings = read({ connections, connection: "plant-2", env });
        expect(settings.project).to.equal("stores");
        expect(settings.credentials).to.include({ password: "other" });
        expect(problems({ connections, connection: "plant-3" }).message).to.contain("did you mean plant-2?");
    });

    it("tell all problems in one message, with where each can be set", () => {
        const error = problems({ emf: { endpoint: "http://api.example.com", usrename: "ops" } });
        expect(error).to.be.instanceOf(EdgeError).and.not.instanceOf(UnavailableHere);
        expect(error.message)
            .to.contain('endpoint "http://api.example.com" must be an https:// address')
            .and.contain("project is missing: edge-os:emf.project or EDGE_OS_EMF_PROJECT")
            .and.contain('there is no setting "usrename"; did you mean username?')
            .and.contain("password is missing: edge-os:emf.password or EDGE_OS_EMF_PASSWORD");
    });

    it("without credentials are only missing here: a preview goes on", () => {
        const { endpoint, project } = COMPLETE;
        expect(problems({ emf: { endpoint, project } })).to.be.instanceOf(UnavailableHere);
        expect(problems({ emf: { ...COMPLETE, caFile: "/nowhere/ca.pem" } })).to.be.instanceOf(
            UnavailableHere,
        );
    });

    for (const [what, emf, text] of [
        ["no object", "text", "must be an object"],
        ["a number", { ...COMPLETE, project: 7 }, "project must be text"],
        [
            "credentials in the address",
            { ...COMPLETE, endpoint: "https://a:b@api.x.com" },
            "must not hold a user or password",
        ],
        ["a query", { ...COMPLETE, endpoint: "https://api.x.com/?a=b" }, "must not have a query"],
        ["no api. in the host", { ...COMPLETE, endpoint: "https://emf.x.com" }, 'does not start with "api."'],
        ["an http Keycloak", { ...COMPLETE, keycloak: "http://k.x.com" }, "keycloak"],
    ] as const) {
        it(`refuse ${what}, and never show a password`, () => {
            const { message } = problems({ emf });
            expect(message).to.contain(text).and.not.contain("hunter2");
        });
    }

    it("read the CA file relative to the program", () => {
        const projectDir = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-settings-"));
        try {
            const [pem = ""] = tls.rootCertificates;
            fs.writeFileSync(path.join(projectDir, "ca.pem"), pem);
            fs.writeFileSync(path.join(projectDir, "bad.pem"), `${pem}\n${pem.replace(/^MII/m, "MIK")}`);
            fs.writeFileSync(path.join(projectDir, "no.pem"), "nothing");
            expect(read({ emf: { ...COMPLETE, caFile: "ca.pem" }, projectDir }).ca).to.equal(pem);
            expect(problems({ emf: { ...COMPLETE, caFile: "no.pem" }, projectDir }).message).to.contain(
                "no.pem holds no PEM certificate",
            );
            expect(problems({ emf: { ...COMPLETE, caFile: "bad.pem" }, projectDir }).message).to.contain(
                "bad.pem is damaged: its certificate 2 of 2 cannot be read",
            );
        } finally {
            fs.rmSync(projectDir, { recursive: true });
        }
    });

    it("warn of a password in clear text where that can be seen", () => {
        const warningsWith = (secretKeys: string | undefined): string[] => {
            const env = { PULUMI_CONFIG_SECRET_KEYS: secretKeys };
            const host = testHost({ config: { "edge-os:emf": COMPLETE }, env });
            readEmfSettings({}, host);
            return host.warnings;
        };
        expect(warningsWith(undefined)).to.be.empty;
        expect(warningsWith('["edge-os:emf"]')).to.be.empty;
        expect(warningsWith('["other:key"]').join()).to.contain("clear text").and.not.contain("hunter2");
    });
});
