{
  "commands": [
    "runuser -l ec2-user -c 'docker run --rm -v /home/ec2-user/run:/run datastream-forcing --start_date DAILY --forcing_source NWM_V3_${run_type_h}_${init} --basins ${basins} --s3_bucket ${bucket} --s3_prefix forcing/DAILY/${run_type_l}/${init}'"
  ],
  "run_options": {
    "ii_terminate_instance": true,
    "ii_delete_volume": true,
    "ii_check_s3": true,
    "ii_cheapo": true,
    "timeout_s": ${timeout_s},
    "n_retries_allowed": 2
  },
  "instance_parameters": {
    "ImageId": "${ami_id}",
    "InstanceType": "${instance_type}",
    "IamInstanceProfile": { "Name": "${profile}" },
    "TagSpecifications": [
      { "ResourceType": "instance", "Tags": [{ "Key": "Name", "Value": "${environment_suffix}_forcing_${run_type_l}_${init}" }] }
    ],
    "BlockDeviceMappings": [{ "DeviceName": "/dev/xvda", "Ebs": { "VolumeSize": ${volume_gb}, "VolumeType": "gp3" } }]
  }
}
