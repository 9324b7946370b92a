import { EmfError } from "../errors";

/** A filter expression (AIP-160) as it was written. */
export type Expression =
    | { readonly type: "and" | "or"; readonly left: Expression; readonly right: Expression }
    | { readonly type: "not"; readonly operand: Expression }
    | {
          readonly type: "compare";
          readonly operator: "=" | ":";
          readonly left: Expression;
          readonly right: Expression;
      }
    | { readonly type: "call"; readonly name: string; readonly args: readonly Expression[] }
    | { readonly type: "path"; readonly names: readonly string[] }
    | { readonly type: "string"; readonly value: string }
    | { readonly type: "number"; readonly value: number };

interface Token {
    readonly type: "blank" | "string" | "number" | "word" | "symbol";
    readonly text: string;
}

const TOKEN =
    /(?<blank>\s+)|(?<string>"[^"]*"|'[^']*')|(?<number>0x[0-9a-fA-F]+|\d+)|(?<symbol>[(),.=:-])|(?<word>[^\s"'(),.=:-]+)/gy;

/**
 * Parses a filter. As in EMF, OR binds tighter than AND, words must be separated by blanks, and two restrictions side
 * by side (a fuzzy search) are refused.
 */
export function parseFilter(text: string): Expression {
    const parser = new Parser(tokenize(text), text);
    return parser.parseAll();
}

function tokenize(text: string): Token[] {
    const tokens: Token[] = [];
    let end = 0;
    for (const match of text.matchAll(TOKEN)) {
        const groups = Object.entries(match.groups as Record<Token["type"], string | undefined>);
        const type = groups.find(([, value]) => value !== undefined)?.[0] as Token["type"];
        tokens.push({ type, text: match[0] });
        end = match.index + match[0].length;
    }
    if (end < text.length) throw new EmfError("InvalidArgument", `${text}: unterminated string`);
    return tokens;
}

class Parser {
    #at = 0;

    constructor(
        private readonly tokens: readonly Token[],
        private readonly text: string,
    ) {}

    parseAll(): Expression {
        this.#skipBlanks();
        const expression = this.#expression();
        this.#skipBlanks();
        if (this.#at < this.tokens.length) throw this.#unexpected("end of filter");
        return expression;
    }

    #expression(): Expression {
        let left = this.#sequence();
        while (this.#takeKeyword("AND")) left = { type: "and", left, right: this.#sequence() };
        return left;
    }

    #sequence(): Expression {
        const factor = this.#factor();
        // Even a blank at the end begins another factor, which is then missing.
        if (this.#peek()?.type === "blank" && this.#peek(1)?.text !== "AND") {
            throw new EmfError("InvalidArgument", "check call expr: undeclared function 'FUZZY'");
        }
        return factor;
    }

    #factor(): Expression {
        let left = this.#term();
        while (this.#takeKeyword("OR")) left = { type: "or", left, right: this.#term() };
        return left;
    }

    #term(): Expression {
        if (this.#peek()?.text === "NOT" && this.#peek(1)?.type === "blank") {
            this.#at += 2;
            return { type: "not", operand: this.#simple() };
        }
        if (this.#takeSymbol("-")) return { type: "not", operand: this.#simple() };
        return this.#simple();
    }

    #simple(): Expression {
        return this.#peek()?.text === "(" ? this.#composite() : this.#restriction();
    }

    #composite(): Expression {
        this.#expectSymbol("(");
        this.#skipBlanks();
        const expression = this.#expression();
        this.#skipBlanks();
        this.#expectSymbol(")");
        return expression;
    }

    #restriction(): Expression {
        const left = this.#comparable();
        const before = this.#at;
        this.#skipBlanks();
        const operator = this.#peek()?.text;
        if (operator !== "=" && operator !== ":") {
            this.#at = before;
            return left;
        }
        this.#at++;
        this.#skipBlanks();
        const right = this.#peek()?.text === "(" ? this.#composite() : this.#comparable();
        return { type: "compare", operator, left, right };
    }

    #comparable(): Expression {
        const token = this.#peek();
        if (token?.type === "string") {
            this.#at++;
            return { type: "string", value: token.text.slice(1, -1) };
        }
        const negative = token?.text === "-" && this.#peek(1)?.type === "number";
        if (token?.type === "number" || negative) return this.#number(negative ? -1 : 1);
        const names = this.#names();
        return this.#takeSymbol("(") ? this.#call(names.join(".")) : { type: "path", names };
    }

    #number(sign: 1 | -1): Expression {
        if (sign < 0) this.#at++;
        const value = sign * Number(this.#peek()?.text);
        this.#at++;
        return { type: "number", value };
    }

    #names(): string[] {
        const names = [this.#word()];
        while (this.#takeSymbol(".")) names.push(this.#word());
        return names;
    }

    #word(): string {
        const token = this.#peek();
        if (token?.type !== "word" || ["AND", "OR", "NOT"].includes(token.text))
            throw this.#unexpected("a name");
        this.#at++;
        return token.text;
    }

    #call(name: string): Expression {
        const args: Expression[] = [];
        this.#skipBlanks();
        while (!this.#takeSymbol(")")) {
            if (args.length > 0) this.#expectSymbol(",");
            this.#skipBlanks();
            args.push(this.#comparable());
            this.#skipBlanks();
        }
        return { type: "call", name, args };
    }

    #peek(ahead = 0): Token | undefined {
        return this.tokens[this.#at + ahead];
    }

    #skipBlanks(): void {
        if (this.#peek()?.type === "blank") this.#at++;
    }

    /** Takes a keyword that has blanks on both sides. */
    #takeKeyword(keyword: string): boolean {
        const found =
            this.#peek()?.type === "blank" &&
            this.#peek(1)?.text === keyword &&
            this.#peek(2)?.type === "blank";
        if (found) this.#at += 3;
        return found;
    }

    #takeSymbol(symbol: string): boolean {
        const token = this.#peek();
        const found = token?.type === "symbol" && token.text === symbol;
        if (found) this.#at++;
        return found;
    }

    #expectSymbol(symbol: string): void {
        if (!this.#takeSymbol(symbol)) throw this.#unexpected(symbol);
    }

    #unexpected(expected: string): EmfError {
        const column =
            this.tokens.slice(0, this.#at).reduce((length, token) => length + token.text.length, 0) + 1;
        return new EmfError(
            "InvalidArgument",
            `\n${this.text}\n${" ".repeat(column - 1)}^ expected ${expected} (1:${column})\n`,
        );
    }
}
