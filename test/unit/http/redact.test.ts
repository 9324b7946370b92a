import { expect } from "chai";
import * as fc from "fast-check";
import { redact } from "../../../provider/http/redact";

describe("redact", () => {
    it("leaves no form of a secret in a text", () => {
        const secret = fc.string({ minLength: 6, maxLength: 30 }).filter((text) => text.trim().length >= 6);
        fc.assert(
            fc.property(secret, fc.string(), fc.string(), (value, before, after) => {
                const forms = [
                    value,
                    encodeURIComponent(value),
                    JSON.stringify(value).slice(1, -1),
                    new URLSearchParams({ x: value }).toString().slice(2),
                ];
                for (const form of forms) {
                    expect(redact(`${before}|${form}|${after}`, [value])).to.contain("|[secret]|");
                }
            }),
        );
    });

    for (const text of [
        "Authorization: Bearer abc.def-ghi_jkl",
        "basic dXNlcjpwYXNzd29yZA==",
        "got eyJhbGciOiJQUzUxMiJ9.eyJzdWIiOiIxIn0.c2ln back",
        "grant_type=password&password=hunter2x&client_id=x",
        '{"refresh_token":"abcdefgh"}',
        "GET https://s3/boot-images/x?X-Amz-Expires=60&X-Amz-Signature=0123abcd",
        "GET https://s3/boot-images/x?AWSAccessKeyId=abc&Signature=x%2Fy%3D&Expires=1",
    ]) {
        it(`knows the look of a secret: ${text.slice(0, 24)}…`, () => {
            expect(redact(text, [])).to.contain("[secret]");
            expect(redact(text, [])).not.to.match(/abc\.def|dXNlcjp|eyJhbG|hunter2x|abcdefgh|0123abcd|x%2Fy/);
        });
    }

    it("leaves ordinary text alone", () => {
        const text = "EMF: GET /v1/projects/p/compute/os is refused (HTTP 400): bearer of news";
        expect(redact(text, ["x", ""])).to.equal(text);
    });
});
