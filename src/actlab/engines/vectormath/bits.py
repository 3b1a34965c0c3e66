"""The few machine operations that the primitives need and Python has no word for.

Each is an LLVM instruction or two, the same for float32 and float64, and each keeps the width of
its argument: Numba widens `int32 + int32` to int64, which halves the number of lanes, so no
integer is ever seen outside this file.

Nothing here branches or calls, so a loop over an array that uses only these is vectorised.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = [
    "absolute",
    "bit",
    "choose",
    "copysign",
    "divide",
    "exponent_and_mantissa",
    "fma",
    "horner",
    "integer_power",
    "long_horner",
    "nearest",
    "power_of_two",
    "prefer_wide_vectors",
    "primitive",
    "scale",
    "square_root",
]

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def primitive(function: F) -> F:
    """Compile a scalar function for use inside kernels.

    Division by zero gives an infinity as in NumPy, and no fast-math flag is set: infinities, NaN,
    signed zeros and the order of operations are part of the contract, so that a lane of a vector
    and the scalar remainder of a loop give the same bits. The function is always inlined: a loop
    with a call in it is not vectorised.
    """
    return cast("F", numba.njit(error_model="numpy", forceinline=True)(function))


def _instruction(_kind: type[T]) -> Callable[[Callable[..., Any]], Callable[..., T]]:
    """Make an LLVM instruction of a function that gives its signature and its code.

    The kind is what a type checker sees; literal arguments arrive as literals.
    """
    made: Callable[..., Any] = intrinsic(prefer_literal=True)
    return made


_MANTISSA_BITS = {types.float32: 23, types.float64: 52}
_BIAS = {types.float32: 127, types.float64: 1023}


def _integer(kind: Any) -> ir.IntType:
    return ir.IntType(kind.bitwidth)


def _typed(kind: Any, *others: Any) -> bool:
    return kind in _MANTISSA_BITS and all(other == kind for other in others)


@_instruction(float)
def fma(_: Any, a: Any, b: Any, c: Any) -> Any:
    """`a * b + c`, rounded once."""
    if not _typed(a, b, c):
        return None
    return a(a, a, a), lambda _context, builder, _signature, arguments: builder.fma(*arguments)


@_instruction(float)
def divide(_: Any, a: Any, b: Any) -> Any:
    """`a / b` in the precision of the arguments, without a test for zero."""
    if not _typed(a, b):
        return None
    return a(a, a), lambda _context, builder, _signature, arguments: builder.fdiv(*arguments)


@_instruction(float)
def choose(_: Any, condition: Any, a: Any, b: Any) -> Any:
    """`a` where the condition holds, else `b`; both are computed, nothing branches."""
    if condition != types.boolean or not _typed(a, b):
        return None

    def code(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.select(*arguments)

    return a(types.boolean, a, a), code


def _library(name: str, arity: int) -> Callable[..., Any]:
    """One of LLVM's own functions of `arity` equal arguments, which is one instruction."""

    def code(_context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = arguments[0].type
        suffix = f"f{signature.return_type.bitwidth}"
        declared = builder.module.declare_intrinsic(
            f"llvm.{name}", (kind,), ir.FunctionType(kind, [kind] * arity)
        )
        assert declared.name == f"llvm.{name}.{suffix}"  # noqa: S101
        return builder.call(declared, arguments)

    return code


@_instruction(float)
def absolute(_: Any, x: Any) -> Any:
    """`|x|`: the sign bit is cleared, also that of NaN."""
    return (x(x), _library("fabs", 1)) if _typed(x) else None


@_instruction(float)
def copysign(_: Any, x: Any, sign: Any) -> Any:
    """`x` with the sign bit of `sign`."""
    return (x(x, x), _library("copysign", 2)) if _typed(x, sign) else None


@_instruction(float)
def square_root(_: Any, x: Any) -> Any:
    """The correctly rounded square root; NaN below zero."""
    return (x(x), _library("sqrt", 1)) if _typed(x) else None


@_instruction(float)
def nearest(_: Any, x: Any) -> Any:
    """The nearest integer, ties to even."""
    return (x(x), _library("rint", 1)) if _typed(x) else None


@_instruction(bool)
def bit(_: Any, x: Any, place: Any) -> Any:
    """Whether the bit of the number at `place` (an integer literal, 0 the lowest) is set."""
    if not _typed(x) or not isinstance(place, types.IntegerLiteral):
        return None

    def code(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        kind = _integer(x)
        bits = builder.bitcast(arguments[0], kind)
        masked = builder.and_(bits, ir.Constant(kind, 1 << place.literal_value))
        return builder.icmp_unsigned("!=", masked, ir.Constant(kind, 0))

    return types.boolean(x, place), code


@_instruction(float)
def integer_power(_: Any, x: Any, exponent: Any) -> Any:
    """`x**exponent` for an integer literal from 1 up, by repeated squaring."""
    if not _typed(x) or not isinstance(exponent, types.IntegerLiteral):
        return None
    times = exponent.literal_value
    if times < 1:
        return None

    def code(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        square, product, left = arguments[0], None, times
        while True:
            if left & 1:
                product = square if product is None else builder.fmul(product, square)
            left >>= 1
            if not left:
                return product
            square = builder.fmul(square, square)

    return x(x, exponent), code


@_instruction(float)
def horner(_: Any, x: Any, table: Any) -> Any:
    """`table[0] + table[1]*x + table[2]*x**2 + ...`, by fused multiply-adds from the last term.

    The table is a tuple with at least two entries, known when the kernel is compiled.
    """
    if not isinstance(table, types.UniTuple) or not _typed(x, table.dtype):
        return None

    def code(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        at, packed = arguments
        entries = [builder.extract_value(packed, i) for i in range(table.count)]
        total = entries[-1]
        for entry in reversed(entries[:-1]):
            total = builder.fma(total, at, entry)
        return total

    return x(x, table), code


@_instruction(tuple[float, float])
def long_horner(_: Any, x: Any, table: Any, rest: Any) -> Any:
    """The same as `horner` with its rounding errors added up, as a sum of two numbers.

    The entries of the table are sums of two numbers as well: `table[i] + rest[i]`.
    """
    long = isinstance(table, types.UniTuple) and table == rest
    if not long or not _typed(x, table.dtype):
        return None

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        at, *packed = arguments
        high, low = (
            [builder.extract_value(whole, i) for i in range(table.count)] for whole in packed
        )
        total, error = high[-1], low[-1]
        for entry, small in zip(reversed(high[:-1]), reversed(low[:-1]), strict=True):
            product = builder.fmul(total, at)
            lost = builder.fma(total, at, builder.fneg(product))
            total = builder.fadd(product, entry)
            back = builder.fsub(total, product)
            lost = builder.fadd(lost, builder.fsub(product, builder.fsub(total, back)))
            lost = builder.fadd(lost, builder.fsub(entry, back))
            error = builder.fma(error, at, builder.fadd(lost, small))
        return context.make_tuple(builder, signature.return_type, (total, error))

    pair: Any = types.Tuple
    return pair((x, x))(x, table, rest), code


@_instruction(float)
def power_of_two(_: Any, biased: Any) -> Any:
    """`2**k`, where the low bits of the number `biased` hold k plus the exponent bias.

    Such a number comes from adding `1.5 * 2**mantissa_bits + bias` to a number near k, which also
    rounds it to the integer k. Right for `2**k` in the normal range.
    """
    if not _typed(biased):
        return None

    def code(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        kind = _integer(biased)
        bits = builder.bitcast(arguments[0], kind)
        shifted = builder.shl(bits, ir.Constant(kind, _MANTISSA_BITS[biased]))
        return builder.bitcast(shifted, arguments[0].type)

    return biased(biased), code


@_instruction(float)
def scale(_: Any, x: Any, biased: Any) -> Any:
    """`x * 2**k`, where the low bits of the number `biased` hold k plus *twice* the exponent bias.

    It multiplies by two powers of two that are each in the normal range, so a subnormal result is
    rounded once and an overflow gives an infinity. For x near 1 and k within twice the range of
    the exponent.
    """
    if not _typed(x, biased):
        return None

    def code(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        kind, real = _integer(x), arguments[0].type
        width = ir.Constant(kind, _MANTISSA_BITS[x])
        both = builder.bitcast(arguments[1], kind)
        half = builder.lshr(both, ir.Constant(kind, 1))
        rest = builder.sub(both, half)
        first = builder.bitcast(builder.shl(half, width), real)
        second = builder.bitcast(builder.shl(rest, width), real)
        return builder.fmul(builder.fmul(arguments[0], first), second)

    return x(x, x), code


@_instruction(tuple[float, float])
def exponent_and_mantissa(_: Any, x: Any, lowest: Any) -> Any:
    """The pair `(k, m)` with `x = 2**k * m` and `lowest <= m < 2 * lowest`, for normal x > 0.

    `lowest` is a number in [0.5, 1]. For other x the pair is meaningless but harmless.
    """
    if not _typed(x, lowest):
        return None

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, real = _integer(x), arguments[0].type
        digits, bias = _MANTISSA_BITS[x], _BIAS[x]
        width, one = ir.Constant(kind, digits), ir.Constant(kind, bias << digits)
        bits = builder.bitcast(arguments[0], kind)
        shifted = builder.add(builder.sub(bits, builder.bitcast(arguments[1], kind)), one)
        biased = builder.lshr(shifted, width)
        mantissa = builder.add(builder.sub(bits, builder.shl(biased, width)), one)
        # AVX2 has no conversion from int64; an integer in the low bits of 2**digits needs none.
        ulp_one = ir.Constant(kind, (bias + digits) << digits)
        number = builder.bitcast(builder.or_(biased, ulp_one), real)
        exponent = builder.fsub(number, ir.Constant(real, float(2**digits + bias)))
        pair = (exponent, builder.bitcast(mantissa, real))
        return context.make_tuple(builder, signature.return_type, pair)

    pair: Any = types.Tuple
    return pair((x, x))(x, x), code


@_instruction(object)
def prefer_wide_vectors(_: Any) -> Any:
    """Ask LLVM for 512-bit vectors in the function that calls this, where the processor has them.

    LLVM's own choice on such processors is 256 bits for float32, which for these kernels costs a
    quarter to a third. The attribute is unknown to llvmlite's list and so goes around its check.
    """

    def code(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), code
