r"""The grammar of a model formula: text in, terms out, and nothing is ever evaluated.

A formula is the right-hand side of a regression, in the notation that R users know::

    formula     = "1" | term { "+" term }
    term        = interaction { "*" interaction }          a*b is a + b + a:b
    interaction = atom { ":" atom }
    atom        = column | call
    call        = function "(" atom { "," value } { "," keyword "=" ( value | list ) } ")"
    value       = number | string | column
    list        = "[" number { "," number } "]"
    column      = name | "`" any characters "`"
    name        = ( letter | "_" ) { letter | digit | "_" | "." }
    string      = "'" any characters "'" | '"' any characters '"'
    number      = [ "-" | "+" ] digits [ "." digits ] [ "e" [ "-" | "+" ] digits ]

Between quotes a backslash lets the next quote or backslash stand for itself. White space between pieces is free.

Text is cut into tokens, one method per line of the grammar reads the tokens into terms, and `arrange` puts the terms
into the order of R. Which functions exist is the caller's business: every call has the same shape, so that a new
function needs no new grammar. Each step reads its input once, from left to right, so that time grows with length.
"""

from __future__ import annotations

import itertools
import math
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from survmodel.errors import ConfigError, list_values

MAX_ORDER = 4  # a five-way interaction is a slip of the pen, and a*b*c*... doubles the terms with every column
MAX_DEPTH = 4  # of calls within calls; without a limit the depth of the text would be the depth of the Python stack

Kind: TypeAlias = Literal["name", "backtick", "string", "number", "sign", "end"]
Atom: TypeAlias = "Column | Call"
Value: TypeAlias = "float | str | Column | tuple[float, ...]"

_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_QUOTES: dict[str, Kind] = {"`": "backtick", "'": "string", '"': "string"}
_INSTEAD = {
    "(": "a parenthesis only follows the name of a function: write a:b + a:c for a:(b + c)",
    "-": "terms are only added: leave out what is not wanted; the model has no intercept to remove",
    "^": "write each term, or a*b for a + b + a:b; a power is computed as a column of the table first",
    "/": "a ratio is computed as a column of the table first",
    "number": "a number follows the column inside a function, or stands alone as '1' for the null model",
    "string": "quotes make a text value: write a column name bare or between backticks",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table, by name; `at` is its place in the text, from 0, and plays no part in equality."""

    name: str
    at: int = field(default=0, compare=False, repr=False)

    @property
    def label(self) -> str:
        """The name as a formula writes it, between backticks where it must be."""
        return self.name if _is_plain(self.name) else _quote(self.name, "`")

    @property
    def columns(self) -> tuple[Column, ...]:
        """The column itself."""
        return (self,)


@dataclass(frozen=True, slots=True)
class Call:
    """A function called on a column or on another call, with any further values."""

    function: str
    inner: Atom
    extras: tuple[Value, ...] = ()
    keywords: tuple[tuple[str, Value], ...] = ()
    at: int = field(default=0, compare=False, repr=False)

    @property
    def label(self) -> str:
        """The call as a formula writes it."""
        extras = (_write(value) for value in self.extras)
        keywords = (f"{name}={_write(value)}" for name, value in self.keywords)
        return f"{self.function}({', '.join([self.inner.label, *extras, *keywords])})"

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that the call reads, in the order in which its label names them."""
        values = [*self.extras, *(value for _, value in self.keywords)]
        return (*self.inner.columns, *(value for value in values if isinstance(value, Column)))


@dataclass(frozen=True, slots=True)
class Term:
    """A main effect (one factor) or an interaction (several)."""

    factors: tuple[Atom, ...]

    @property
    def label(self) -> str:
        """The term as a formula writes it."""
        return ":".join(factor.label for factor in self.factors)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that the term reads."""
        return tuple(column for factor in self.factors for column in factor.columns)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text: `text` is its content without quotes, and the text holds it from `at` up to `stop`."""

    kind: Kind
    text: str
    at: int
    stop: int


def refuse(text: str, at: int, piece: str, problem: str, remedy: str) -> ConfigError:
    """Make the error that points at a place in a formula.

    Parameters
    ----------
    text : str
        The formula.
    at : int
        Where the piece begins, from 0; the message counts from 1.
    piece : str
        The piece of the text that is refused, empty for the end of the text.
    problem : str
        What is wrong with it.
    remedy : str
        What to write instead.

    Returns
    -------
    ConfigError
        To be raised by the caller.

    Examples
    --------
    >>> print(refuse("age^2", 3, "^", "no such operator", "leave it out"))
    no such operator: '^' at character 4, in the formula 'age^2'. Leave it out.
    """
    shown = repr(_cut(piece, 0, 40)) if piece else "the end"
    return ConfigError(f"{problem}: {shown} at character {at + 1}", f"in the formula {_cut(text, at, 80)!r}", remedy)


def read_terms(pieces: Sequence[str], functions: Collection[str]) -> tuple[str, list[Term]]:
    """Read a formula, written in one piece or in several that are added, into its terms.

    Parameters
    ----------
    pieces : sequence of str
        The formula; a quote or a bracket ends in the piece where it begins.
    functions : collection of str
        The names that may be called.

    Returns
    -------
    tuple[str, list[Term]]
        The whole text, to which every position refers, and the terms as written, with each ``*`` written out.

    Raises
    ------
    ConfigError
        When the text is not a formula.

    Examples
    --------
    >>> text, terms = read_terms(["sex*age", "log(wbc)"], {"log"})
    >>> [term.label for term in terms]
    ['sex', 'age', 'sex:age', 'log(wbc)']
    """
    text = " + ".join(pieces)
    return text, _Reader(text, list(_tokens_of(text, pieces)), functions).formula()


def arrange(text: str, terms: Iterable[Term]) -> tuple[Term, ...]:
    """Put terms into R's order, each once: main effects as written, then two-way interactions, and so on.

    Within an interaction the factors follow the order of their main effects, so that ``b:a`` is ``a:b``.

    Parameters
    ----------
    text : str
        The formula, for messages.
    terms : iterable of Term
        The terms as written.

    Returns
    -------
    tuple[Term, ...]
        The terms in order.

    Raises
    ------
    ConfigError
        When an interaction stands without one of its lower-order terms.

    Examples
    --------
    >>> a, b = Column("a"), Column("b")
    >>> [term.label for term in arrange("b:a + a + b", [Term((b, a)), Term((a,)), Term((b,))])]
    ['a', 'b', 'a:b']
    """
    distinct = _distinct(terms)
    for term in distinct.values():
        _require_lower_orders(text, term, distinct)
    mains = [term.factors[0] for term in distinct.values() if len(term.factors) == 1]
    rank = {atom: place for place, atom in enumerate(mains)}
    by_order = sorted(distinct.values(), key=lambda term: len(term.factors))
    return tuple(Term(tuple(sorted(term.factors, key=rank.__getitem__))) for term in by_order)


class _Reader:
    """Recursive descent: one method per line of the grammar, one token of look-ahead, and no way back."""

    def __init__(self, text: str, tokens: Sequence[Token], functions: Collection[str]) -> None:
        self._text = text
        self._tokens = tokens
        self._functions = functions
        self._place = 0
        self._allowed = f"allowed: column names, +, : and *, and the functions {', '.join(sorted(functions))}"

    def formula(self) -> list[Term]:
        """Read ``"1" | term { "+" term }``, up to the end of the text."""
        self._refuse_at_first_sight()
        if len(self._tokens) == 2 and self._here.kind == "number" and self._here.text == "1":
            return []
        terms = self._term()
        while self._take("+"):
            terms += self._term()
        if self._here.kind != "end":
            raise self._unexpected("+, : or *")
        return terms

    def _term(self) -> list[Term]:
        """Read ``interaction { "*" interaction }`` and write the product out."""
        terms = [self._interaction()]
        while self._take("*"):
            right = self._interaction()
            crossed = [self._cross(term, *right.factors) for term in terms]
            terms = list(_distinct([*terms, right, *crossed]).values())
        return terms

    def _interaction(self) -> Term:
        """Read ``atom { ":" atom }``."""
        term = Term((self._atom(),))
        while self._take(":"):
            term = self._cross(term, self._atom())
        return term

    def _atom(self, depth: int = 0) -> Atom:
        """Read ``column | call``."""
        token = self._here
        if token.kind not in ("name", "backtick"):
            raise self._unexpected("a column or a function")
        self._place += 1
        if token.kind == "name" and self._sees("("):
            return self._call(token, depth)
        return Column(token.text, token.at)

    def _call(self, name: Token, depth: int) -> Call:
        """Read ``"(" atom { "," value } { "," keyword "=" ( value | list ) } ")"``."""
        self._require_known(name)
        if depth == MAX_DEPTH:
            raise self._refuse(name, "calls stand too deep within calls", self._allowed)
        self._expect("(")
        inner = self._atom(depth + 1)
        extras: list[Value] = []
        keywords: dict[str, Value] = {}
        while self._take(","):
            if self._tokens[self._place].kind == "name" and self._sees("=", ahead=1):
                self._keyword(keywords)
            elif keywords:
                raise self._unexpected("keyword=value, as after the first keyword")
            else:
                extras.append(self._value())
        if not self._take(")"):
            raise self._unexpected("a comma or )", "a function takes a column: compute a column in the table first")
        return Call(name.text, inner, tuple(extras), tuple(sorted(keywords.items())), name.at)

    def _keyword(self, keywords: dict[str, Value]) -> None:
        """Read ``keyword "=" ( value | list )`` into the keywords read so far."""
        name = self._here
        if name.text in keywords:
            raise self._refuse(name, "a keyword is given twice", "give it once")
        self._place += 1
        self._expect("=")
        keywords[name.text] = self._list() if self._sees("[") else self._value()

    def _list(self) -> tuple[float, ...]:
        """Read ``"[" number { "," number } "]"``."""
        self._expect("[")
        numbers = [self._number()]
        while self._take(","):
            numbers.append(self._number())
        self._expect("]")
        return tuple(numbers)

    def _value(self) -> float | str | Column:
        """Read ``number | string | column``."""
        token = self._here
        if token.kind in ("name", "backtick"):
            self._place += 1
            return Column(token.text, token.at)
        if token.kind == "string":
            self._place += 1
            return token.text
        return self._number()

    def _number(self) -> float:
        """Read a number, with its sign."""
        sign = -1.0 if self._take("-") else 1.0
        if sign > 0:
            self._take("+")
        token = self._here
        if token.kind != "number":
            raise self._unexpected("a number, a text in quotes or a column")
        self._place += 1
        number = float(token.text)
        if math.isinf(number):
            raise self._refuse(token, "a number is too large", "write a smaller one")
        return sign * number

    @property
    def _here(self) -> Token:
        return self._tokens[self._place]

    def _sees(self, sign: str, ahead: int = 0) -> bool:
        token = self._tokens[min(self._place + ahead, len(self._tokens) - 1)]
        return token.kind == "sign" and token.text == sign

    def _take(self, sign: str) -> bool:
        found = self._sees(sign)
        self._place += found
        return found

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._unexpected(sign)

    def _cross(self, term: Term, *factors: Atom) -> Term:
        """Join factors to a term; as in R, a factor that is there already changes nothing."""
        crossed = Term(tuple(dict.fromkeys((*term.factors, *factors))))
        if len(crossed.factors) > MAX_ORDER:
            last, problem = factors[-1], f"an interaction of more than {MAX_ORDER} columns"
            raise refuse(self._text, last.at, last.label, problem, "write the interactions that are meant")
        return crossed

    def _refuse_at_first_sight(self) -> None:
        """Say the most useful thing first: about a left-hand side, or about nothing at all."""
        for token in self._tokens:
            if token.kind == "sign" and token.text == "~":
                remedy = "write only the right-hand side, as in 'age + sex'; the model is told time and event by name"
                raise self._refuse(token, "a formula has no left-hand side", remedy)
        if self._here.kind == "end":
            raise ConfigError("the formula is empty", remedy=f"write '1' for the null model; {self._allowed}")

    def _require_known(self, name: Token) -> None:
        """Refuse a call to an unknown function before its arguments are read: they may be in R's larger language."""
        if name.text in self._functions:
            return
        if name.text in ("strata", "cluster"):
            inner = self._tokens[self._place + 1]
            column = inner.text if inner.kind in ("name", "backtick") else "x"
            problem = f"{name.text}() is not part of a formula"
            raise self._refuse(name, problem, f"pass {name.text}={column!r} to the model")
        remedy = f"{self._allowed}; compute anything else as a column of the table first"
        raise self._refuse(name, "unknown function", remedy)

    def _unexpected(self, wanted: str, hint: str = "") -> ConfigError:
        token = self._here
        hint = hint or _INSTEAD.get(token.text if token.kind == "sign" else token.kind, "")
        remedy = f"{hint}; {self._allowed}" if hint else self._allowed
        return self._refuse(token, f"expected {wanted}, but this follows", remedy)

    def _refuse(self, token: Token, problem: str, remedy: str) -> ConfigError:
        return refuse(self._text, token.at, self._text[token.at : token.stop], problem, remedy)


def _tokens_of(text: str, pieces: Sequence[str]) -> Iterator[Token]:
    """Cut the joined pieces into tokens, each piece on its own so that no quote reaches into the next."""
    start = 0
    for piece in pieces:
        if start:
            yield Token("sign", "+", start - 2, start - 1)
        yield from _tokens_between(text, start, start + len(piece))
        start += len(piece) + len(" + ")
    yield Token("end", "", len(text), len(text))


def _tokens_between(text: str, at: int, stop: int) -> Iterator[Token]:
    while at < stop:
        if text[at].isspace():
            at += 1
            continue
        token = _token(text, at, stop)
        yield token
        at = token.stop


def _token(text: str, at: int, stop: int) -> Token:
    """Cut the token that begins at a place; any character that begins nothing else is a sign by itself."""
    first = text[at]
    if first in _QUOTES:
        return _quoted(text, at, stop)
    if number := _NUMBER.match(text, at, stop):
        if number.end() < stop and _continues_name(text[number.end()]):
            piece = text[at : number.end() + 1]
            raise refuse(text, at, piece, "a name begins with a letter", "write any other name between backticks")
        return Token("number", number.group(), at, number.end())
    if not _begins_name(first):
        return Token("sign", first, at, at + 1)
    end = at + 1
    while end < stop and _continues_name(text[end]):
        end += 1
    return Token("name", text[at:end], at, end)


def _quoted(text: str, start: int, stop: int) -> Token:
    """Cut a text between quotes, or a name between backticks, and undo its backslashes."""
    quote = text[start]
    characters: list[str] = []
    at = start + 1
    while at < stop and text[at] != quote:
        if text[at] == "\\":
            at += 1
            if at < stop and text[at] not in "`'\"\\":
                raise refuse(
                    text, at - 1, text[at - 1 : at + 1], "a backslash stands before a quote", r"write \\ for \ "
                )
        if at < stop:
            characters.append(text[at])
        at += 1
    if at >= stop:
        raise refuse(text, start, text[start:stop], "a quote is not closed", f"close it with {quote}")
    if quote == "`" and not characters:
        raise refuse(text, start, "``", "a name is empty", "write a column name between the backticks")
    return Token(_QUOTES[quote], "".join(characters), start, at + 1)


def _begins_name(character: str) -> bool:
    return character == "_" or unicodedata.category(character)[0] == "L"


def _continues_name(character: str) -> bool:
    """Accept marks as well as letters and digits: an accent may be a character of its own."""
    return character in "_." or unicodedata.category(character)[0] in "LMN"


def _is_plain(name: str) -> bool:
    if name.isascii() and name.isidentifier():
        return True
    return bool(name) and _begins_name(name[0]) and all(map(_continues_name, name))


def _quote(content: str, quote: str) -> str:
    escaped = content.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return f"{quote}{escaped}{quote}"


def _write(value: Value) -> str:
    """Write an argument as the grammar reads it back: whole numbers without a point, texts in single quotes."""
    if isinstance(value, Column):
        return value.label
    if isinstance(value, str):
        return _quote(value, "'")
    if isinstance(value, tuple):
        return f"[{', '.join(map(_write, value))}]"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _distinct(terms: Iterable[Term]) -> dict[frozenset[Atom], Term]:
    """Keep the first of the terms that have the same factors, in whatever order."""
    first: dict[frozenset[Atom], Term] = {}
    for term in terms:
        first.setdefault(frozenset(term.factors), term)
    return first


def _require_lower_orders(text: str, term: Term, present: Collection[frozenset[Atom]]) -> None:
    """Refuse an interaction without its parts: its coefficient would change with the coding of the columns."""
    parts = [part for order in range(1, len(term.factors)) for part in itertools.combinations(term.factors, order)]
    lacking = [Term(part).label for part in parts if frozenset(part) not in present]
    if lacking:
        problem = f"an interaction needs its lower-order terms, here {list_values(lacking)}"
        remedy = f"write {'*'.join(factor.label for factor in term.factors)}"
        raise refuse(text, term.factors[0].at, term.label, problem, remedy)


def _cut(text: str, at: int, width: int) -> str:
    """Cut a long text down to the surroundings of a place."""
    if len(text) <= width:
        return text
    start = max(0, min(at - width // 2, len(text) - width))
    before = "..." if start else ""
    after = "..." if start + width < len(text) else ""
    return before + text[start : start + width] + after
