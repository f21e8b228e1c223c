(module
 (type $0 (func (param i32 i64 i64) (result i32)))
 (type $1 (func (param i64 i32) (result i32)))
 (type $2 (func (param i32 i64 i32) (result i32)))
 (import "region" "memory" (memory $mimport$0 592))
 (import "region" "arithmeticFlagsOf" (func $fimport$0 (param i32 i64 i64) (result i32)))
 (import "region" "onward" (func $fimport$1 (param i64 i32) (result i32)))
 (export "0" (func $0))
 (func $0 (param $0 i32) (param $1 i64) (param $2 i32) (result i32)
  (local $3 i32)
  (local $4 i64)
  (local $5 i64)
  (local $6 i64)
  (local $7 i64)
  (local $8 i64)
  (local $9 i32)
  (local $10 i64)
  (local $11 i32)
  (local $12 i32)
  (local $13 i64)
  (local $14 i32)
  (local $15 i32)
  (local $16 i64)
  (local $17 i64)
  (local.set $6
   (i64.load offset=4112 align=1
    (i32.const 0)
   )
  )
  (local.set $13
   (i64.load offset=1024 align=1
    (i32.const 0)
   )
  )
  (local.set $16
   (i64.load offset=1032 align=1
    (i32.const 0)
   )
  )
  (local.set $17
   (i64.load offset=1112 align=1
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
  (block $block4
   (block
    (block $block3
     (block $block1
      (block
       (block $block2
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
          (local.set $10
           (i64.add
            (local.get $1)
            (i64.const 262)
           )
          )
          (local.set $11
           (i32.and
            (i32.wrap_i64
             (i64.xor
              (i64.shr_u
               (local.get $10)
               (i64.const 7)
              )
              (i64.shr_u
               (local.get $10)
               (i64.const 19)
              )
             )
            )
            (i32.const 131040)
           )
          )
          (local.set $12
           (i32.add
            (i32.wrap_i64
             (local.get $10)
            )
            (i32.load offset=917520 align=1
             (local.get $11)
            )
           )
          )
          (@metadata.code.branch_hint "\00")
          (if
           (i64.ne
            (i64.or
             (i64.and
              (i64.add
               (local.get $10)
               (i64.const 3)
              )
              (i64.const -4096)
             )
             (local.get $6)
            )
            (i64.load offset=917504 align=1
             (local.get $11)
            )
           )
           (then
            (local.set $7
             (i64.const 0)
            )
            (br $block1)
           )
          )
          (local.set $13
           (i64.extend_i32_u
            (i32.load align=1
             (local.get $12)
            )
           )
          )
          (local.set $10
           (i64.add
            (local.get $1)
            (i64.const 276)
           )
          )
          (local.set $11
           (i32.and
            (i32.wrap_i64
             (i64.xor
              (i64.shr_u
               (local.get $10)
               (i64.const 7)
              )
              (i64.shr_u
               (local.get $10)
               (i64.const 19)
              )
             )
            )
            (i32.const 131040)
           )
          )
          (local.set $12
           (i32.add
            (i32.wrap_i64
             (local.get $10)
            )
            (i32.load offset=917520 align=1
             (local.get $11)
            )
           )
          )
          (@metadata.code.branch_hint "\00")
          (if
           (i64.ne
            (i64.or
             (i64.and
              (i64.add
               (local.get $10)
               (i64.const 3)
              )
              (i64.const -4096)
             )
             (local.get $6)
            )
            (i64.load offset=917512 align=1
             (local.get $11)
            )
           )
           (then
            (local.set $7
             (i64.const 6)
            )
            (br $block1)
           )
          )
          (local.set $14
           (i32.load align=1
            (local.get $12)
           )
          )
          (local.set $15
           (i32.wrap_i64
            (local.get $13)
           )
          )
          (i32.store align=1
           (local.get $12)
           (i32.add
            (local.get $14)
            (local.get $15)
           )
          )
          (local.set $4
           (i64.extend_i32_u
            (local.get $14)
           )
          )
          (local.set $5
           (i64.extend_i32_u
            (local.get $15)
           )
          )
          (local.set $3
           (i32.const 288)
          )
          (local.set $11
           (i32.wrap_i64
            (local.get $16)
           )
          )
          (local.set $16
           (i64.extend_i32_u
            (i32.sub
             (local.get $11)
             (i32.const 1)
            )
           )
          )
          (local.set $12
           (i32.lt_u
            (i32.add
             (i32.wrap_i64
              (local.get $4)
             )
             (i32.wrap_i64
              (local.get $5)
             )
            )
            (i32.wrap_i64
             (local.get $4)
            )
           )
          )
          (local.set $4
           (i64.extend_i32_u
            (local.get $11)
           )
          )
          (local.set $5
           (i64.extend_i32_u
            (local.get $12)
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
              (br $block2)
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
          (local.set $16
           (i64.add
            (local.get $1)
            (i64.const 18)
           )
          )
          (local.set $17
           (i64.extend_i32_u
            (i32.or
             (call $fimport$0
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
           (i64.const 18)
          )
          (br $block3)
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
  (i64.store offset=1024 align=1
   (i32.const 0)
   (local.get $13)
  )
  (i64.store offset=1032 align=1
   (i32.const 0)
   (local.get $16)
  )
  (i64.store offset=1112 align=1
   (i32.const 0)
   (local.get $17)
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
    (return_call $fimport$1
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
