import { expect } from "chai";
import * as fs from "node:fs";
import { startLab } from "../../../lab";
import { stackUnderTest, type CommandResult } from "../../support/stack";

const PAIRING_KEY = "hunter2-in-clear";
const PROGRAM = `
const { palette } = require("pulumi-edge-os");
new palette.RegistrationToken("token", { name: "stores", validFor: "90d" });
new palette.EdgeHost("till", { uid: "edge-till-4", pairingKey: ${JSON.stringify(PAIRING_KEY)} });
`;

describe("secrets of Palette", function () {
    this.timeout(60_000);

    it("are in no state and no message, also where Palette repeats them in an error", async () => {
        await using lab = await startLab({ emf: false, images: false, palette: true });
        const { endpoint, caFile, apiKey, store } = lab.palette;
        await using stack = stackUnderTest({
            program: { source: PROGRAM },
            config: { "edge-os:palette": { endpoint, caFile } },
            env: { EDGE_OS_PALETTE_API_KEY: apiKey },
        });
        const message = `cannot serve a host with ${PAIRING_KEY}`;
        lab.palette.fault({
            ...{ on: "POST v1/edgehosts", do: "status", status: 400, times: 1 },
            body: { code: "InvalidRequest", message, ref: "", details: null },
        });
        const failed = await stack.up();
        expect(failed.exitCode).to.not.equal(0);
        expect(failed.stdout).to.include("cannot serve a host with");
        const commands: CommandResult[] = [failed, await stack.up(), await stack.refresh()];
        const [token] = store.tokens.list();
        expect(store.edgeHosts.get("edge-till-4")?.pairingKey).to.equal(PAIRING_KEY);
        const state = fs.readFileSync(stack.checkpointFile, "utf8");
        expect(state).to.include("edge-till-4");
        for (const secret of [apiKey, PAIRING_KEY, token?.token ?? apiKey]) {
            expect(state).to.not.include(secret);
            for (const { stdout } of commands) expect(stdout).to.not.include(secret);
        }
    });
});
