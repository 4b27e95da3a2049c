//! Inverses modulo an odd number, by division steps.
//!
//! D. Bernstein, B.-Y. Yang, "Fast constant-time gcd computation and modular inversion" (2019), in the variant for
//! public numbers that libsecp256k1 has (`doc/safegcd_implementation.md`): 29 steps are done on the lowest limbs alone,
//! as a matrix, which is then applied to whole numbers. A power by Fermat's theorem takes 256 multiplications at
//! least; these are some 20 matrices, each with about as many products of limbs as one multiplication has.

use crate::limbs::{LIMB_BITS, LIMB_MASK, Limbs};

/// How many steps are one matrix: as many as a limb has bits.
const STEPS: u32 = LIMB_BITS;

/// The lower limbs have 29 bits, and the highest one the sign.
type Signed = [i32; 9];

/// 2^29 times what the steps do to f and g: u · f + v · g and q · f + r · g.
struct Matrix {
    u: i32,
    v: i32,
    q: i32,
    r: i32,
}

/// The inverse of a number below the modulus, which has the other one modulo 2^29. Zero, of which there is none, gives
/// zero.
pub(crate) fn inverse(number: &Limbs, modulus: &Limbs, modulus_inverse: u32) -> Limbs {
    let modulus = modulus.map(|limb| limb as i32);
    let (mut d, mut e) = ([0; 9], [1, 0, 0, 0, 0, 0, 0, 0, 0]);
    let (mut f, mut g) = (modulus, number.map(|limb| limb as i32));
    let mut eta = -1;
    while g.iter().any(|&limb| limb != 0) {
        let ([f0, ..], [g0, ..]) = (f, g);
        let matrix = steps(&mut eta, f0 as u32, g0 as u32);
        update_inverses(&mut d, &mut e, &matrix, &modulus, modulus_inverse);
        update_numbers(&mut f, &mut g, &matrix);
    }
    // f is 1 or −1, and d is that times the inverse.
    let [.., sign] = f;
    let mut inverse = d;
    let [.., highest] = inverse;
    if highest < 0 {
        inverse = signed_sum(inverse, modulus);
    }
    if sign < 0 {
        inverse = signed_sum(inverse.map(|limb| -limb), [0; 9]);
    }
    let [.., highest] = inverse;
    if highest < 0 {
        inverse = signed_sum(inverse, modulus);
    }
    inverse.map(|limb| limb as u32)
}

/// The steps that follow from the lowest limbs. `eta` is the negated delta of the paper.
fn steps(eta: &mut i32, f0: u32, g0: u32) -> Matrix {
    let (mut f, mut g) = (f0, g0);
    let (mut u, mut v, mut q, mut r) = (1_u32, 0_u32, 0_u32, 1_u32);
    let mut left = STEPS;
    loop {
        // All steps that only halve g at once.
        let zeros = (g | u32::MAX << left).trailing_zeros();
        g >>= zeros;
        u <<= zeros;
        v <<= zeros;
        *eta -= zeros as i32;
        left -= zeros;
        if left == 0 {
            break;
        }
        if *eta < 0 {
            *eta = -*eta;
            (f, g) = (g, f.wrapping_neg());
            (u, q) = (q, u.wrapping_neg());
            (v, r) = (r, v.wrapping_neg());
        }
        // As many of the lowest bits of g as will be halved away before f and g change places, at most six, are
        // cleared by one multiple of f: f · (f² − 2) is the negated inverse of f modulo 64.
        let bits = (*eta + 1).min(left as i32).min(6);
        let multiple = f
            .wrapping_mul(g)
            .wrapping_mul(f.wrapping_mul(f).wrapping_sub(2))
            & ((1 << bits) - 1);
        g = g.wrapping_add(f.wrapping_mul(multiple));
        q = q.wrapping_add(u.wrapping_mul(multiple));
        r = r.wrapping_add(v.wrapping_mul(multiple));
    }
    Matrix {
        u: u as i32,
        v: v as i32,
        q: q as i32,
        r: r as i32,
    }
}

/// Applies the matrix to f and g, which it divides by 2^29 without a remainder.
fn update_numbers(f: &mut Signed, g: &mut Signed, matrix: &Matrix) {
    let (mut f_sum, mut g_sum) = (0_i64, 0_i64);
    let mut lowest = true;
    let mut f_rest = [0; 9];
    let mut g_rest = [0; 9];
    let mut places = f_rest.iter_mut().zip(g_rest.iter_mut());
    for (&f, &g) in f.iter().zip(g.iter()) {
        let (f, g) = (i64::from(f), i64::from(g));
        f_sum += i64::from(matrix.u) * f + i64::from(matrix.v) * g;
        g_sum += i64::from(matrix.q) * f + i64::from(matrix.r) * g;
        // The lowest limbs have become zero.
        if !std::mem::take(&mut lowest)
            && let Some((f, g)) = places.next()
        {
            *f = f_sum as i32 & LIMB_MASK as i32;
            *g = g_sum as i32 & LIMB_MASK as i32;
        }
        f_sum >>= LIMB_BITS;
        g_sum >>= LIMB_BITS;
    }
    if let Some((f, g)) = places.next() {
        *f = f_sum as i32;
        *g = g_sum as i32;
    }
    (*f, *g) = (f_rest, g_rest);
}

/// Applies the matrix to d and e, between −2 and 1 times the modulus, with as many moduli as make it divide by 2^29.
fn update_inverses(
    d: &mut Signed,
    e: &mut Signed,
    matrix: &Matrix,
    modulus: &Signed,
    modulus_inverse: u32,
) {
    let Matrix { u, v, q, r } = *matrix;
    let ([d0, .., d8], [e0, .., e8]) = (*d, *e);
    let (d_sign, e_sign) = (d8 >> 31, e8 >> 31);
    let moduli = |a: i32, b: i32| {
        let so_far = (a & d_sign) + (b & e_sign);
        let lowest = (a as u32)
            .wrapping_mul(d0 as u32)
            .wrapping_add((b as u32).wrapping_mul(e0 as u32));
        let more = modulus_inverse
            .wrapping_mul(lowest)
            .wrapping_add(so_far as u32)
            & LIMB_MASK;
        i64::from(so_far - more as i32)
    };
    let (d_moduli, e_moduli) = (moduli(u, v), moduli(q, r));
    let (mut d_sum, mut e_sum) = (0_i64, 0_i64);
    let mut lowest = true;
    let (mut d_rest, mut e_rest) = ([0; 9], [0; 9]);
    let mut places = d_rest.iter_mut().zip(e_rest.iter_mut());
    for ((&d, &e), &modulus) in d.iter().zip(e.iter()).zip(modulus) {
        let (d, e, modulus) = (i64::from(d), i64::from(e), i64::from(modulus));
        d_sum += i64::from(u) * d + i64::from(v) * e + modulus * d_moduli;
        e_sum += i64::from(q) * d + i64::from(r) * e + modulus * e_moduli;
        if !std::mem::take(&mut lowest)
            && let Some((d, e)) = places.next()
        {
            *d = d_sum as i32 & LIMB_MASK as i32;
            *e = e_sum as i32 & LIMB_MASK as i32;
        }
        d_sum >>= LIMB_BITS;
        e_sum >>= LIMB_BITS;
    }
    if let Some((d, e)) = places.next() {
        *d = d_sum as i32;
        *e = e_sum as i32;
    }
    (*d, *e) = (d_rest, e_rest);
}

fn signed_sum(a: Signed, b: Signed) -> Signed {
    let mut sum = a;
    let mut carry = 0;
    for (limb, more) in sum.iter_mut().zip(b) {
        *limb += more + carry;
        carry = *limb >> LIMB_BITS;
        *limb &= LIMB_MASK as i32;
    }
    let [.., highest] = &mut sum;
    *highest += carry << LIMB_BITS;
    sum
}

#[cfg(test)]
mod tests;
