(module
 (type $0 (func (param i32 i64 i64) (result i32)))
 (type $1 (func (param i32 i64 i64) (result i64)))
 (type $2 (func (param i64 i32) (result i32)))
 (type $3 (func (param i32 i64 i32) (result i32)))
 (import "region" "memory" (memory $mimport$0 592))
 (import "region" "soft.arithSd" (func $fimport$0 (param i32 i64 i64) (result i64)))
 (import "region" "carryOf" (func $fimport$1 (param i32 i64 i64) (result i32)))
 (import "region" "arithmeticFlagsOf" (func $fimport$2 (param i32 i64 i64) (result i32)))
 (import "region" "onward" (func $fimport$3 (param i64 i32) (result i32)))
 (export "0" (func $0))
 (func $0 (param $0 i32) (param $1 i64) (param $2 i32) (result i32)
  (local $3 i32)
  (local $4 i64)
  (local $5 i64)
  (local $6 i64)
  (local $7 i64)
  (local $8 i64)
  (local $9 i32)
  (local $10 v128)
  (local $11 f64)
  (local $12 f64)
  (local $13 v128)
  (local $14 f64)
  (local $15 f64)
  (local $16 f64)
  (local $17 f64)
  (local $18 i64)
  (local $19 i64)
  (local $20 i32)
  (local $21 i64)
  (local $22 i64)
  (local $23 i32)
  (local $24 i64)
  (local $25 i32)
  (local $26 i32)
  (local $27 i64)
  (local $28 i64)
  (local.set $6
   (i64.load offset=4112 align=1
    (i32.const 0)
   )
  )
  (local.set $27
   (i64.load offset=1032 align=1
    (i32.const 0)
   )
  )
  (local.set $18
   (i64.load offset=1080 align=1
    (i32.const 0)
   )
  )
  (local.set $28
   (i64.load offset=1112 align=1
    (i32.const 0)
   )
  )
  (local.set $13
   (v128.load offset=1376 align=1
    (i32.const 0)
   )
  )
  (local.set $10
   (v128.load offset=1392 align=1
    (i32.const 0)
   )
  )
  (local.set $14
   (f64.load offset=1376 align=1
    (i32.const 0)
   )
  )
  (local.set $11
   (f64.load offset=1392 align=1
    (i32.const 0)
   )
  )
  (local.set $3
   (i32.load offset=1184 align=1
    (i32.const 0)
   )
  )
  (local.set $4
   (i64.load offset=1192 align=1
    (i32.const 0)
   )
  )
  (local.set $5
   (i64.load offset=1200 align=1
    (i32.const 0)
   )
  )
  (local.set $17
   (select
    (f64.const nan:0x8000000000000)
    (f64.const inf)
    (i32.and
     (i32.load16_u offset=1230 align=1
      (i32.const 0)
     )
     (i32.const 6)
    )
   )
  )
  (block $block4
   (block
    (block $block1
     (block $block2
      (block
       (block $block3
        (loop
         (block $block
          (br_table $block $block
           (local.get $0)
          )
         )
         (loop $label
          (local.set $2
           (i32.sub
            (local.get $2)
            (i32.const 4)
           )
          )
          (local.set $12
           (local.get $11)
          )
          (local.set $15
           (local.get $14)
          )
          (local.set $16
           (f64.mul
            (local.get $15)
            (local.get $12)
           )
          )
          (@metadata.code.branch_hint "\00")
          (if
           (i32.eqz
            (f64.le
             (local.get $16)
             (local.get $17)
            )
           )
           (then
            (if
             (i32.and
              (i32.load16_u offset=1230 align=1
               (i32.const 0)
              )
              (i32.const 1)
             )
             (then
              (local.set $16
               (f64.reinterpret_i64
                (call $fimport$0
                 (i32.const 9)
                 (i64.reinterpret_f64
                  (local.get $15)
                 )
                 (i64.reinterpret_f64
                  (local.get $12)
                 )
                )
               )
              )
              (@metadata.code.branch_hint "\00")
              (if
               (i32.load offset=4420 align=1
                (i32.const 0)
               )
               (then
                (i32.store offset=4124 align=1
                 (i32.const 0)
                 (i32.const 8)
                )
                (local.set $7
                 (i64.const 0)
                )
                (br $block1)
               )
              )
             )
             (else
              (if
               (i32.eqz
                (i32.and
                 (i64.lt_u
                  (i64.sub
                   (i64.shl
                    (i64.reinterpret_f64
                     (local.get $16)
                    )
                    (i64.const 1)
                   )
                   (i64.const 18014398509481984)
                  )
                  (i64.const -27021597764222976)
                 )
                 (i32.and
                  (i64.ge_u
                   (i64.sub
                    (i64.shl
                     (i64.reinterpret_f64
                      (local.get $15)
                     )
                     (i64.const 1)
                    )
                    (i64.const 1)
                   )
                   (i64.const 9007199254740991)
                  )
                  (i64.ge_u
                   (i64.sub
                    (i64.shl
                     (i64.reinterpret_f64
                      (local.get $12)
                     )
                     (i64.const 1)
                    )
                    (i64.const 1)
                   )
                   (i64.const 9007199254740991)
                  )
                 )
                )
               )
               (then
                (if
                 (i32.eqz
                  (i32.and
                   (i32.or
                    (i64.lt_u
                     (i64.sub
                      (i64.shl
                       (i64.reinterpret_f64
                        (local.get $16)
                       )
                       (i64.const 1)
                      )
                      (i64.const 18014398509481984)
                     )
                     (i64.const -27021597764222976)
                    )
                    (i32.and
                     (f64.eq
                      (local.get $16)
                      (f64.const 0)
                     )
                     (i32.or
                      (f64.eq
                       (local.get $15)
                       (f64.const 0)
                      )
                      (f64.eq
                       (local.get $12)
                       (f64.const 0)
                      )
                     )
                    )
                   )
                   (i32.and
                    (i64.ge_u
                     (i64.sub
                      (i64.shl
                       (i64.reinterpret_f64
                        (local.get $15)
                       )
                       (i64.const 1)
                      )
                      (i64.const 1)
                     )
                     (i64.const 9007199254740991)
                    )
                    (i64.ge_u
                     (i64.sub
                      (i64.shl
                       (i64.reinterpret_f64
                        (local.get $12)
                       )
                       (i64.const 1)
                      )
                      (i64.const 1)
                     )
                     (i64.const 9007199254740991)
                    )
                   )
                  )
                 )
                 (then
                  (local.set $16
                   (f64.reinterpret_i64
                    (call $fimport$0
                     (i32.const 9)
                     (i64.reinterpret_f64
                      (local.get $15)
                     )
                     (i64.reinterpret_f64
                      (local.get $12)
                     )
                    )
                   )
                  )
                  (@metadata.code.branch_hint "\00")
                  (if
                   (i32.load offset=4420 align=1
                    (i32.const 0)
                   )
                   (then
                    (i32.store offset=4124 align=1
                     (i32.const 0)
                     (i32.const 8)
                    )
                    (local.set $7
                     (i64.const 0)
                    )
                    (br $block1)
                   )
                  )
                 )
                )
               )
              )
             )
            )
           )
          )
          (local.set $14
           (local.get $16)
          )
          (local.set $19
           (local.get $18)
          )
          (local.set $24
           (i64.sub
            (local.get $19)
            (local.get $21)
           )
          )
          (@metadata.code.branch_hint "\00")
          (if
           (i64.ge_u
            (local.get $24)
            (local.get $22)
           )
           (then
            (local.set $25
             (i32.and
              (i32.wrap_i64
               (i64.xor
                (i64.shr_u
                 (local.get $19)
                 (i64.const 7)
                )
                (i64.shr_u
                 (local.get $19)
                 (i64.const 19)
                )
               )
              )
              (i32.const 131040)
             )
            )
            (if
             (i64.ne
              (i64.or
               (i64.and
                (i64.add
                 (local.get $19)
                 (i64.const 7)
                )
                (i64.const -4096)
               )
               (local.get $6)
              )
              (i64.load offset=917504 align=1
               (local.get $25)
              )
             )
             (then
              (local.set $7
               (i64.const 4)
              )
              (br $block2)
             )
            )
            (local.set $21
             (i64.and
              (local.get $19)
              (i64.const -4096)
             )
            )
            (local.set $22
             (i64.const 4089)
            )
            (local.set $23
             (i32.add
              (i32.wrap_i64
               (local.get $21)
              )
              (i32.load offset=917520 align=1
               (local.get $25)
              )
             )
            )
            (local.set $24
             (i64.sub
              (local.get $19)
              (local.get $21)
             )
            )
           )
          )
          (local.set $20
           (i32.add
            (i32.wrap_i64
             (local.get $24)
            )
            (local.get $23)
           )
          )
          (local.set $26
           (local.get $20)
          )
          (local.set $12
           (f64.load align=1
            (local.get $26)
           )
          )
          (local.set $15
           (local.get $14)
          )
          (local.set $16
           (f64.add
            (local.get $15)
            (local.get $12)
           )
          )
          (@metadata.code.branch_hint "\00")
          (if
           (i32.eqz
            (f64.le
             (local.get $16)
             (local.get $17)
            )
           )
           (then
            (if
             (i32.and
              (i32.load16_u offset=1230 align=1
               (i32.const 0)
              )
              (i32.const 1)
             )
             (then
              (local.set $16
               (f64.reinterpret_i64
                (call $fimport$0
                 (i32.const 8)
                 (i64.reinterpret_f64
                  (local.get $15)
                 )
                 (i64.reinterpret_f64
                  (local.get $12)
                 )
                )
               )
              )
              (@metadata.code.branch_hint "\00")
              (if
               (i32.load offset=4420 align=1
                (i32.const 0)
               )
               (then
                (i32.store offset=4124 align=1
                 (i32.const 0)
                 (i32.const 8)
                )
                (local.set $7
                 (i64.const 4)
                )
                (br $block1)
               )
              )
             )
             (else
              (if
               (i32.eqz
                (i32.and
                 (i64.lt_u
                  (i64.sub
                   (i64.shl
                    (i64.reinterpret_f64
                     (local.get $16)
                    )
                    (i64.const 1)
                   )
                   (i64.const 18014398509481984)
                  )
                  (i64.const -27021597764222976)
                 )
                 (i32.and
                  (i64.ge_u
                   (i64.sub
                    (i64.shl
                     (i64.reinterpret_f64
                      (local.get $15)
                     )
                     (i64.const 1)
                    )
                    (i64.const 1)
                   )
                   (i64.const 9007199254740991)
                  )
                  (i64.ge_u
                   (i64.sub
                    (i64.shl
                     (i64.reinterpret_f64
                      (local.get $12)
                     )
                     (i64.const 1)
                    )
                    (i64.const 1)
                   )
                   (i64.const 9007199254740991)
                  )
                 )
                )
               )
               (then
                (if
                 (i32.eqz
                  (i32.and
                   (i32.or
                    (i64.lt_u
                     (i64.sub
                      (i64.shl
                       (i64.reinterpret_f64
                        (local.get $16)
                       )
                       (i64.const 1)
                      )
                      (i64.const 18014398509481984)
                     )
                     (i64.const -27021597764222976)
                    )
                    (f64.eq
                     (local.get $16)
                     (f64.const 0)
                    )
                   )
                   (i32.and
                    (i64.ge_u
                     (i64.sub
                      (i64.shl
                       (i64.reinterpret_f64
                        (local.get $15)
                       )
                       (i64.const 1)
                      )
                      (i64.const 1)
                     )
                     (i64.const 9007199254740991)
                    )
                    (i64.ge_u
                     (i64.sub
                      (i64.shl
                       (i64.reinterpret_f64
                        (local.get $12)
                       )
                       (i64.const 1)
                      )
                      (i64.const 1)
                     )
                     (i64.const 9007199254740991)
                    )
                   )
                  )
                 )
                 (then
                  (local.set $16
                   (f64.reinterpret_i64
                    (call $fimport$0
                     (i32.const 8)
                     (i64.reinterpret_f64
                      (local.get $15)
                     )
                     (i64.reinterpret_f64
                      (local.get $12)
                     )
                    )
                   )
                  )
                  (@metadata.code.branch_hint "\00")
                  (if
                   (i32.load offset=4420 align=1
                    (i32.const 0)
                   )
                   (then
                    (i32.store offset=4124 align=1
                     (i32.const 0)
                     (i32.const 8)
                    )
                    (local.set $7
                     (i64.const 4)
                    )
                    (br $block1)
                   )
                  )
                 )
                )
               )
              )
             )
            )
           )
          )
          (local.set $14
           (local.get $16)
          )
          (local.set $25
           (i32.wrap_i64
            (local.get $27)
           )
          )
          (local.set $27
           (i64.extend_i32_u
            (i32.sub
             (local.get $25)
             (i32.const 1)
            )
           )
          )
          (local.set $26
           (call $fimport$1
            (local.get $3)
            (local.get $4)
            (local.get $5)
           )
          )
          (local.set $4
           (i64.extend_i32_u
            (local.get $25)
           )
          )
          (local.set $5
           (i64.extend_i32_u
            (local.get $26)
           )
          )
          (local.set $3
           (i32.const 1312)
          )
          (if
           (i32.ne
            (i32.sub
             (i32.wrap_i64
              (local.get $4)
             )
             (i32.const 1)
            )
            (i32.const 0)
           )
           (then
            (@metadata.code.branch_hint "\00")
            (if
             (i32.lt_s
              (local.get $2)
              (i32.const 0)
             )
             (then
              (local.set $7
               (i64.const 0)
              )
              (br $block3)
             )
            )
            (br $label)
           )
          )
          (local.set $2
           (i32.sub
            (local.get $2)
            (i32.const 1)
           )
          )
          (local.set $27
           (i64.add
            (local.get $1)
            (i64.const 14)
           )
          )
          (local.set $28
           (i64.extend_i32_u
            (i32.or
             (call $fimport$2
              (local.get $3)
              (local.get $4)
              (local.get $5)
             )
             (i32.or
              (i32.load offset=1188 align=1
               (i32.const 0)
              )
              (i32.const 514)
             )
            )
           )
          )
          (i32.store offset=4124 align=1
           (i32.const 0)
           (i32.const 1)
          )
          (local.set $7
           (i64.const 14)
          )
          (br $block1)
         )
         (unreachable)
        )
        (unreachable)
        (unreachable)
       )
       (local.set $8
        (i64.add
         (local.get $1)
         (local.get $7)
        )
       )
       (local.set $9
        (i32.const 0)
       )
       (br $block4)
      )
      (local.set $8
       (i64.add
        (local.get $1)
        (local.get $7)
       )
      )
      (local.set $9
       (i32.const 2)
      )
      (br $block4)
     )
     (local.set $8
      (i64.add
       (local.get $1)
       (local.get $7)
      )
     )
     (local.set $9
      (i32.const 3)
     )
     (br $block4)
    )
    (local.set $8
     (i64.add
      (local.get $1)
      (local.get $7)
     )
    )
    (local.set $9
     (i32.const 1)
    )
    (br $block4)
   )
   (local.set $9
    (i32.const 0)
   )
  )
  (i64.store offset=1032 align=1
   (i32.const 0)
   (local.get $27)
  )
  (i64.store offset=1112 align=1
   (i32.const 0)
   (local.get $28)
  )
  (v128.store offset=1376 align=1
   (i32.const 0)
   (local.get $13)
  )
  (f64.store offset=1376 align=1
   (i32.const 0)
   (local.get $14)
  )
  (i32.store offset=1184 align=1
   (i32.const 0)
   (local.get $3)
  )
  (i64.store offset=1192 align=1
   (i32.const 0)
   (local.get $4)
  )
  (i64.store offset=1200 align=1
   (i32.const 0)
   (local.get $5)
  )
  (if
   (i32.eq
    (local.get $9)
    (i32.const 0)
   )
   (then
    (return_call $fimport$3
     (local.get $8)
     (local.get $2)
    )
   )
  )
  (i64.store offset=1176 align=1
   (i32.const 0)
   (local.get $8)
  )
  (i32.store offset=4144 align=1
   (i32.const 0)
   (local.get $2)
  )
  (local.get $9)
 )
)
