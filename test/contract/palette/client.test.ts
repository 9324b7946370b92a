import { expect } from "chai";
import { startLab, type Lab } from "../../../lab";
import { DEFAULT_BEHAVIOUR } from "../../../lab/palette/behaviour";
import type { EdgeHostRegistration } from "../../../provider/palette/api";
import { isAlreadyRegistered, type PaletteClient, type Scope } from "../../../provider/palette/client";
import { readPaletteSettings } from "../../../provider/palette/settings";
import { testHost } from "../../support/context";
import { paletteClient } from "../../support/palette";

const EXPIRY = "2030-01-01T00:00:00.000Z";
const PAIRING_KEY = "pairing-key-of-lab1-01";

describe("the Palette client against the lab", () => {
    let lab: Lab;
    let client: PaletteClient;
    let scope: Scope;
    const open: PaletteClient[] = [];

    before(async () => {
        lab = await startLab({ emf: false, images: false, palette: true });
    });
    beforeEach(async () => {
        client = connect();
        scope = await client.project("stores");
    });
    afterEach(async () => {
        const { store, behaviour } = lab.palette;
        lab.palette.clearFaults();
        lab.palette.rest();
        lab.palette.resetCalls();
        Object.assign(behaviour, DEFAULT_BEHAVIOUR);
        for (const one of open.splice(0)) await one.close();
        for (const records of [store.edgeHosts, store.tokens]) records.clear();
    });
    after(() => lab.close());

    function connect(overrides?: Record<string, string | undefined>): PaletteClient {
        const { client: connected } = paletteClient(lab.palette, overrides);
        open.push(connected);
        return connected;
    }

    function registration(uid: string, labels: Record<string, string> = {}): EdgeHostRegistration {
        return {
            metadata: { uid, name: uid, labels },
            spec: { archType: "amd64", hostPairingKey: PAIRING_KEY },
        };
    }

    async function register(uid: string, labels?: Record<string, string>): Promise<void> {
        await client.registerEdgeHost(registration(uid, labels), scope, { same: () => false });
    }

    async function newToken(name: string): Promise<{ uid: string; token: string }> {
        const { uid: defaultProjectUid } = lab.palette.store.projects[1] ?? { uid: "" };
        const uid = await client.createRegistrationToken(
            { metadata: { name }, spec: { expiry: EXPIRY, defaultProjectUid } },
            { same: ({ metadata }) => metadata.name === name },
        );
        return { uid, token: (await client.registrationToken(uid))?.spec.token ?? "" };
    }

    async function errorOf(attempt: Promise<unknown>): Promise<Error> {
        const error = await attempt.then(
            () => undefined,
            (thrown: unknown) => thrown,
        );
        expect(error).to.be.instanceOf(Error);
        expect((error as Error).message).to.not.include(lab.palette.apiKey);
        return error as Error;
    }

    it("explains what is missing or wrong in the settings, all together", () => {
        const host = testHost({ config: { "edge-os:palette": { endpoint: "http://a", apikey: "x" } } });
        expect(() => readPaletteSettings(undefined, host))
            .to.throw()
            .with.property("message")
            .that.includes('there is no setting "apikey"; did you mean apiKey?')
            .and.includes("must be an https:// address")
            .and.includes("edge-os:palette.apiKey or EDGE_OS_PALETTE_API_KEY");
        const env = { EDGE_OS_PALETTE_API_KEY: "from the environment" };
        expect(
            readPaletteSettings(
                undefined,
                testHost({ config: { "edge-os:palette": { apiKey: "frozen" } }, env }),
            ),
        ).to.include({
            endpoint: "https://api.spectrocloud.com",
            apiKey: "from the environment",
            project: "Default",
        });
    });

    for (const invalidKey of ["ResourceNotFound", "Unauthorized"] as const) {
        it(`takes nothing for deleted when its key is refused with ${invalidKey}`, async () => {
            await register("edge-lab1-01");
            lab.palette.behaviour.invalidKey = invalidKey;
            const key = "a-key-that-nobody-knows";
            const stranger = connect({ apiKey: key });
            for (const attempt of [
                stranger.edgeHost("edge-lab1-01", scope),
                stranger.removeEdgeHost("edge-lab1-01", scope),
                stranger.project("stores"),
            ]) {
                const { message } = await errorOf(attempt);
                expect(message).to.include("the API key is not accepted: check edge-os:palette.apiKey");
                expect(message).to.not.include(key);
            }
        });
    }

    it("takes nothing for deleted by a proof from long ago: keys end while gates wait", async () => {
        const { client: patient, host } = paletteClient(lab.palette);
        open.push(patient);
        await patient.project("stores");
        const body = { code: "ResourceNotFound", message: "not found", ref: "", details: null };
        lab.palette.fault({ on: "GET v1/edgehosts/{id}", do: "status", status: 404, body });
        expect(await patient.edgeHost("edge-lab1-01", scope)).to.equal(undefined);
        lab.palette.fault({ on: "GET projects/metadata", do: "status", status: 401 });
        host.advance(60_000);
        const { message } = await errorOf(patient.edgeHost("edge-lab1-01", scope));
        expect(message).to.include("the API key is not accepted");
    });

    it("shows no part of a secret where a long answer is cut", async () => {
        const body = "x".repeat(190) + lab.palette.apiKey;
        lab.palette.fault({ on: "GET v1/edgehosts/{id}", do: "status", status: 400, body });
        const { message } = await errorOf(client.edgeHost("edge-lab1-01", scope));
        expect(message).to.include("xxx").and.not.include(lab.palette.apiKey.slice(0, 6));
    });

    it("takes nothing for deleted when the project is gone", async () => {
        await register("edge-lab1-01");
        const gone = { projectUid: "ffffffffffffffffffffffff" };
        expect((await errorOf(client.edgeHost("edge-lab1-01", gone))).message).to.include("Project");
        expect(await client.edgeHost("edge-lab1-02", scope)).to.equal(undefined);
    });

    it("names the projects there are", async () => {
        expect((await errorOf(client.project("store"))).message).to.include("known are Default, stores");
    });

    it("keeps projects apart, with calls of both at once", async () => {
        const other = await client.project("Default");
        await register("edge-lab1-01");
        const [here, there] = await Promise.all([
            client.edgeHost("edge-lab1-01", scope),
            client.edgeHost("edge-lab1-01", other),
        ]);
        expect(here?.metadata.name).to.equal("edge-lab1-01");
        expect(there).to.equal(undefined);
    });

    for (const status of [400, 409] as const) {
        it(`#928: never adopts a host that is registered already, in any project (HTTP ${status})`, async () => {
            lab.palette.behaviour.alreadyRegisteredStatus = status;
            await register("edge-lab1-01");
            const other = await client.project("Default");
            const again = client.registerEdgeHost(registration("edge-lab1-01"), other, { same: () => true });
            expect(isAlreadyRegistered(await errorOf(again))).to.equal(true);
        });
    }

    it("registers a host once when the answer is lost", async () => {
        lab.palette.fault({ on: "POST v1/edgehosts", do: "reset", after: "write", times: 1 });
        await client.registerEdgeHost(registration("edge-lab1-01", { claim: "mine" }), scope, {
            same: ({ metadata }) => metadata.labels?.claim === "mine",
        });
        expect(lab.palette.calls().routes["POST v1/edgehosts"]).to.equal(1);
    });

    it("registers a host once when Palette fails after it was made", async () => {
        lab.palette.fault({ on: "POST v1/edgehosts", do: "status", status: 500, after: "write", times: 1 });
        await client.registerEdgeHost(registration("edge-lab1-01", { claim: "mine" }), scope, {
            same: ({ metadata }) => metadata.labels?.claim === "mine",
        });
        expect(lab.palette.calls().routes["POST v1/edgehosts"]).to.equal(1);
    });

    it("waits and tries again when Palette is asked too much or has a moment", async () => {
        const faults = [
            lab.palette.fault({ on: "POST v1/edgehosts", do: "status", status: 429, times: 2 }),
            lab.palette.fault({ on: "GET v1/edgehosts/{id}", do: "status", status: 503, times: 1 }),
            lab.palette.fault({ on: "GET v1/edgehosts/{id}", do: "reset", times: 1 }),
        ];
        await register("edge-lab1-01");
        expect(await client.edgeHost("edge-lab1-01", scope)).to.not.equal(undefined);
        expect(faults.map(({ hits }) => hits)).to.deep.equal([2, 1, 1]);
    });

    it("#458: lists all hosts, page by page", async () => {
        for (let i = 0; i < 120; i++) {
            lab.palette.rest();
            await register(`edge-${i}`);
        }
        lab.palette.rest();
        lab.palette.resetCalls();
        const listed = await client.edgeHosts(scope);
        expect(new Set(listed.map(({ metadata }) => metadata.uid)).size).to.equal(120);
        expect(lab.palette.calls().total).to.equal(3);
    });

    it("changes name, labels and remote shell of a host", async () => {
        await register("edge-lab1-01", { site: "lab1" });
        const meta = { name: "Lab 1, rack 1", labels: {} };
        await client.setEdgeHostMeta("edge-lab1-01", meta, scope);
        await client.setTunnel("edge-lab1-01", { remoteSsh: "enabled" }, scope);
        const host = await client.edgeHost("edge-lab1-01", scope);
        expect(host?.metadata).to.deep.include(meta);
        expect(host?.spec?.tunnelConfig).to.deep.equal({ remoteSsh: "enabled" });
    });

    it("follows a host from its registration to its deletion, and shows none of its secrets", async () => {
        await register("edge-lab1-01");
        expect((await client.edgeHost("edge-lab1-01", scope))?.status).to.deep.equal({
            state: "unpaired",
            inUseClustersRef: [],
        });
        const { token } = await newToken("t1");
        lab.palette.boot({ token, name: "edge-lab1-01", pairingKey: PAIRING_KEY });
        const paired = await client.edgeHost("edge-lab1-01", scope);
        expect(paired?.status).to.deep.include({ state: "ready" }).and.not.have.property("serviceAuthToken");
        expect(paired?.status?.health?.state).to.equal("healthy");
        const service = lab.palette.store.edgeHosts.get("edge-lab1-01")?.serviceAuthToken ?? "none";
        expect(client.clean(`${token} ${PAIRING_KEY} ${service} ${lab.palette.apiKey}`)).to.equal(
            "[secret] [secret] [secret] [secret]",
        );
        for (let i = 0; i < 2; i++) await client.removeEdgeHost("edge-lab1-01", scope);
        expect(await client.edgeHost("edge-lab1-01", scope)).to.equal(undefined);
    });

    it("makes a registration token once, changes, ends and removes it", async () => {
        lab.palette.fault({ on: "POST edgehosts/tokens", do: "reset", after: "write", times: 1 });
        const { uid, token } = await newToken("t1");
        expect(lab.palette.store.tokens.list()).to.have.lengthOf(1);
        await client.updateRegistrationToken(uid, {
            metadata: { name: "t2" },
            spec: { expiry: "2031-01-01T00:00:00.000Z" },
        });
        await client.setRegistrationTokenState(uid, false);
        const changed = await client.registrationToken(uid);
        expect(changed?.metadata.name).to.equal("t2");
        expect(changed?.spec).to.deep.equal({ token, expiry: "2031-01-01T00:00:00.000Z" });
        expect(changed?.status).to.deep.equal({ isActive: false });
        expect(() => lab.palette.boot({ token, name: "edge-a" })).to.throw("is not active");
        for (let i = 0; i < 2; i++) await client.removeRegistrationToken(uid);
        expect(await client.registrationToken(uid)).to.equal(undefined);
    });

    it("names the address when there is no Palette at it", async () => {
        const elsewhere = connect({ endpoint: `${lab.palette.endpoint}/console` });
        expect((await errorOf(elsewhere.project("stores"))).message).to.include("RouteNotFound");
    });
});
