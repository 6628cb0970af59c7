;; Copying and checksumming packets in the arena, with SIMD. `npm run wasm` assembles it into octet-work-wasm.ts.
;; Nothing here checks bounds beyond what WebAssembly does: offsets outside the memory trap.
(module
  (import "arena" "memory" (memory 1 65536 shared))

  (func (export "copy") (param $to i32) (param $from i32) (param $octets i32)
    (memory.copy (local.get $to) (local.get $from) (local.get $octets)))

  ;; The ones' complement sum (RFC 1071) of octets, as big-endian words, folded to 16 bits and not inverted.
  (func (export "sum") (param $at i32) (param $octets i32) (result i32)
    (local $a v128) (local $b v128) (local $end i32)
    (local.set $end (i32.add (local.get $at) (i32.and (local.get $octets) (i32.const -64))))
    (block $done (loop $more
      (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
      (local.set $a (i32x4.add (local.get $a)
        (i32x4.extadd_pairwise_i16x8_u (v128.load offset=0 align=1 (local.get $at)))))
      (local.set $b (i32x4.add (local.get $b)
        (i32x4.extadd_pairwise_i16x8_u (v128.load offset=16 align=1 (local.get $at)))))
      (local.set $a (i32x4.add (local.get $a)
        (i32x4.extadd_pairwise_i16x8_u (v128.load offset=32 align=1 (local.get $at)))))
      (local.set $b (i32x4.add (local.get $b)
        (i32x4.extadd_pairwise_i16x8_u (v128.load offset=48 align=1 (local.get $at)))))
      (local.set $at (i32.add (local.get $at) (i32.const 64)))
      (br $more)))
    (call $finish
      (local.get $at)
      (i32.and (local.get $octets) (i32.const 63))
      (i32x4.add (local.get $a) (local.get $b))))

  ;; The same while copying; the two places must not overlap.
  (func (export "copyAndSum") (param $to i32) (param $from i32) (param $octets i32) (result i32)
    (local $a v128) (local $b v128) (local $end i32) (local $left i32) (local $w v128)
    (local.set $end (i32.add (local.get $from) (i32.and (local.get $octets) (i32.const -64))))
    (block $done (loop $more
      (br_if $done (i32.ge_u (local.get $from) (local.get $end)))
      (local.set $w (v128.load offset=0 align=1 (local.get $from)))
      (v128.store offset=0 align=1 (local.get $to) (local.get $w))
      (local.set $a (i32x4.add (local.get $a) (i32x4.extadd_pairwise_i16x8_u (local.get $w))))
      (local.set $w (v128.load offset=16 align=1 (local.get $from)))
      (v128.store offset=16 align=1 (local.get $to) (local.get $w))
      (local.set $b (i32x4.add (local.get $b) (i32x4.extadd_pairwise_i16x8_u (local.get $w))))
      (local.set $w (v128.load offset=32 align=1 (local.get $from)))
      (v128.store offset=32 align=1 (local.get $to) (local.get $w))
      (local.set $a (i32x4.add (local.get $a) (i32x4.extadd_pairwise_i16x8_u (local.get $w))))
      (local.set $w (v128.load offset=48 align=1 (local.get $from)))
      (v128.store offset=48 align=1 (local.get $to) (local.get $w))
      (local.set $b (i32x4.add (local.get $b) (i32x4.extadd_pairwise_i16x8_u (local.get $w))))
      (local.set $from (i32.add (local.get $from) (i32.const 64)))
      (local.set $to (i32.add (local.get $to) (i32.const 64)))
      (br $more)))
    (local.set $left (i32.and (local.get $octets) (i32.const 63)))
    (memory.copy (local.get $to) (local.get $from) (local.get $left))
    (call $finish (local.get $from) (local.get $left) (i32x4.add (local.get $a) (local.get $b))))

  ;; Adds the last octets, fewer than 64, and folds. Words are summed in host order and swapped once at the end.
  (func $finish (param $at i32) (param $octets i32) (param $lanes v128) (result i32) (local $sum i64)
    (local.set $sum (i64.add
      (i64.add (i64.extend_i32_u (i32x4.extract_lane 0 (local.get $lanes)))
               (i64.extend_i32_u (i32x4.extract_lane 1 (local.get $lanes))))
      (i64.add (i64.extend_i32_u (i32x4.extract_lane 2 (local.get $lanes)))
               (i64.extend_i32_u (i32x4.extract_lane 3 (local.get $lanes))))))
    (block $done (loop $more
      (br_if $done (i32.lt_u (local.get $octets) (i32.const 4)))
      (local.set $sum (i64.add (local.get $sum) (i64.load32_u align=1 (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (local.set $octets (i32.sub (local.get $octets) (i32.const 4)))
      (br $more)))
    (if (i32.ge_u (local.get $octets) (i32.const 2)) (then
      (local.set $sum (i64.add (local.get $sum) (i64.load16_u align=1 (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 2)))
      (local.set $octets (i32.sub (local.get $octets) (i32.const 2)))))
    (if (local.get $octets) (then
      (local.set $sum (i64.add (local.get $sum) (i64.load8_u (local.get $at))))))
    (local.set $sum (i64.add (i64.and (local.get $sum) (i64.const 0xffffffff))
                             (i64.shr_u (local.get $sum) (i64.const 32))))
    (local.set $sum (i64.add (i64.and (local.get $sum) (i64.const 0xffff))
                             (i64.shr_u (local.get $sum) (i64.const 16))))
    (local.set $sum (i64.add (i64.and (local.get $sum) (i64.const 0xffff))
                             (i64.shr_u (local.get $sum) (i64.const 16))))
    (local.set $sum (i64.add (i64.and (local.get $sum) (i64.const 0xffff))
                             (i64.shr_u (local.get $sum) (i64.const 16))))
    (call $swap (i32.wrap_i64 (local.get $sum))))

  (func $swap (param $word i32) (result i32)
    (i32.or (i32.shl (i32.and (local.get $word) (i32.const 0xff)) (i32.const 8))
            (i32.shr_u (local.get $word) (i32.const 8))))
)
