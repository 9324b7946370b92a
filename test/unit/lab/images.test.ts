import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import { serveDirectory } from "../../../lab/images";
import { listen, PortBook, type Listener } from "../../../lab/server";

describe("lab image host", () => {
    let folder: string;
    let server: Listener;
    before(async () => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-host-"));
        fs.mkdirSync(path.join(folder, "served", "deep"), { recursive: true });
        fs.writeFileSync(path.join(folder, "secret"), "secret");
        fs.writeFileSync(path.join(folder, "served", "u.raw"), "0123456789");
        fs.writeFileSync(path.join(folder, "served", "deep", "empty.raw"), "");
        const ports = new PortBook(path.join(folder, "ports.json"));
        server = await listen({
            name: "images",
            ports,
            handler: serveDirectory(path.join(folder, "served")),
        });
    });
    after(async () => {
        await server.close();
        fs.rmSync(folder, { recursive: true, force: true });
    });

    const get = (name: string, headers: Record<string, string> = {}, method = "GET"): Promise<Response> =>
        fetch(`${server.origin}${name}`, { method, headers: { connection: "close", ...headers } });

    for (const [range, status, text, contentRange] of [
        [undefined, 200, "0123456789", null],
        ["bytes=0-3", 206, "0123", "bytes 0-3/10"],
        ["bytes=4-", 206, "456789", "bytes 4-9/10"],
        ["bytes=-3", 206, "789", "bytes 7-9/10"],
        ["bytes=5-100", 206, "56789", "bytes 5-9/10"],
        ["bytes=10-", 416, "", "bytes */10"],
        ["bytes=3-2", 200, "0123456789", null],
        ["bytes=0-1,4-5", 200, "0123456789", null],
        ["lines=1-2", 200, "0123456789", null],
    ] as const) {
        it(`answers ${range ?? "no range"} with ${status}`, async () => {
            const answer = await get("/u.raw", range === undefined ? {} : { range });
            expect(answer.status).to.equal(status);
            expect(await answer.text()).to.equal(text);
            expect(answer.headers.get("content-range")).to.equal(contentRange);
        });
    }

    it("has strong ETags that change with the file, for If-None-Match and If-Range", async () => {
        const file = path.join(folder, "served", "changing.raw");
        fs.writeFileSync(file, "first");
        const etag = (await get("/changing.raw")).headers.get("etag") ?? "";
        expect(etag).to.match(/^"[^"]+"$/);
        expect((await get("/changing.raw", { "if-none-match": etag })).status).to.equal(304);
        expect((await get("/changing.raw", { range: "bytes=1-2", "if-range": etag })).status).to.equal(206);
        fs.writeFileSync(file, "second");
        expect((await get("/changing.raw", { "if-none-match": etag })).status).to.equal(200);
        const whole = await get("/changing.raw", { range: "bytes=1-2", "if-range": etag });
        expect([whole.status, await whole.text()]).to.deep.equal([200, "second"]);
    });

    it("answers HEAD without a body, and an empty file with nothing", async () => {
        const head = await get("/u.raw", {}, "HEAD");
        expect([head.status, head.headers.get("content-length"), await head.text()]).to.deep.equal([
            200,
            "10",
            "",
        ]);
        const empty = await get("/deep/empty.raw");
        expect([empty.status, await empty.text()]).to.deep.equal([200, ""]);
    });

    for (const name of [
        "/missing.raw",
        "/deep",
        "/",
        "/..%2fsecret",
        "/%2e%2e/secret",
        "/u.raw%00",
        "/%zz",
    ]) {
        it(`has nothing at ${name}`, async () => {
            expect((await get(name)).status).to.equal(404);
        });
    }

    it("takes nothing", async () => {
        expect((await get("/u.raw", {}, "PUT")).status).to.equal(405);
    });
});
